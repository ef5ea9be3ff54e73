"""`show kubernetes manifest`."""

from __future__ import annotations

import json

import click

from system_service.backends.docker import no_container
from system_service.domain.change.plan_mode import GATE_LABEL, GATED
from system_service.domain.kube_only.manifest import BARE, daemonset
from system_service.domain.kube_only.plan import valid_container
from system_service.domain.status.observe import observe
from system_service.domain.switch import Switch
from system_service.errors import Refused, UnknownFeature
from system_service.model.pods import namespace
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names


@click.command("manifest", cls=Command)
@click.argument("name", shell_complete=feature_names)
@click.option("--image", metavar="REF", help="What the pods pull, registry included (default: the switch's image).")
def command(name: str, image: str | None) -> None:
    """Print the DaemonSet that runs a feature from Kubernetes, made from its local container.

    A feature that exists in Kubernetes only has none: with --image it gets the least that a feature needs, the host's
    network and Redis. Add what else its image wants.

    It is JSON, which `kubectl apply -f -` takes as it is.

    \b
    Examples:
      show kubernetes manifest snmp --image registry.example.com/snmp:v2
    """
    switch = Switch.from_env()
    try:
        (feature,) = observe(switch, (name,)).features
    except UnknownFeature as error:
        if valid_container(name) and not error.resolution.startswith("did you mean"):
            error.resolution = f"if it exists in Kubernetes only, first: config feature install {name}"
        raise
    if feature.kube_only:
        if image is None:
            raise Refused(f"there is no image of {name} on this switch", "name the one in the registry with --image")
        click.echo(json.dumps(daemonset(name, BARE, {}, image, namespace()), indent=2))
        return
    container = switch.docker.inspect(name)
    if container is None:
        raise no_container(name)
    described = switch.docker.image(str(container.get("Image")))
    labels = (container.get("Config") or {}).get("Labels") or {}
    if name not in GATED and labels.get(GATE_LABEL) != "true":
        raise Refused(
            f"{name} cannot run from Kubernetes: its image has no start-up gate",
            f"leave {name} in legacy mode, or use an image with the label {GATE_LABEL}=true",
        )
    reference = image or str((container.get("Config") or {}).get("Image"))
    if image is None:
        click.echo(f"{reference} is the switch's own image; name the one in the registry with --image", err=True)
    click.echo(json.dumps(daemonset(name, container, described, reference, namespace()), indent=2))
