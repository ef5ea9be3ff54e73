"""Whether the switch's own image has become the one that a feature's pod runs: then there is no way back to this pod.

ctrmgrd tags it, and so does a warm reboot. The local container is made of that image from then on, and the gate of its
very version never opens.
"""

from __future__ import annotations

from collections.abc import Sequence

from system_service.backends.unit_script import image
from system_service.domain.change.plan import Request, Verb
from system_service.domain.switch import Switch
from system_service.errors import SwitchError
from system_service.model.feature import Mode
from system_service.model.snapshot import Container, FeatureState


def warnings(switch: Switch, features: Sequence[FeatureState], request: Request) -> dict[str, str]:
    """What an operator should know who takes a feature from its pod, by the feature's name; asks Docker alone."""
    leaves = request.verb in (Verb.STOP, Verb.DISABLE) or (request.verb is Verb.MODE and request.mode is Mode.LEGACY)
    return {
        feature.spec.name: f"the image of {feature.spec.name}'s pod is the switch's own by now: "
        "it comes back to a pod with the next version only"
        for feature in features
        if leaves and _is_the_pods(switch, feature)
    }


def _is_the_pods(switch: Switch, feature: FeatureState) -> bool:
    for instance in feature.instances:
        if instance.serving is None or feature.kube_only:
            continue
        name = image(feature.spec.name)
        try:
            pod = _image(switch, instance.serving)
            if instance.container:
                own = _image(switch, instance.container)
            else:
                own = switch.docker.image(name).get("Id") if name else None
        except SwitchError:  # it is a remark, and nothing that a command could fail for
            continue
        if pod and pod == own:
            return True
    return False


def _image(switch: Switch, container: Container) -> object:
    return (switch.docker.inspect(container.id) or {}).get("Image")
