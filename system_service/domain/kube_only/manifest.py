"""The DaemonSet that runs a feature from Kubernetes as the switch runs it: made from its local container. Pure.

Mounts, capabilities, devices, environment and namespaces are the local container's; what differs is the owner
(RUNTIME_OWNER=kube, so that the gate waits) and the node label that says where a pod may be.
"""

from __future__ import annotations

import re
from typing import Any

from system_service.backends.docker_json import as_object
from system_service.errors import Refused
from system_service.model.naming import label, stop_timeout
from system_service.model.pods import NAMESPACE

_ENV_NAME = re.compile(r"[-._a-zA-Z][-._a-zA-Z0-9]*")
_OWNER = "RUNTIME_OWNER"
BARE: dict[str, Any] = {
    "HostConfig": {"NetworkMode": "host"},
    "Mounts": [
        {"Type": "bind", "Source": "/run/redis", "Destination": "/run/redis"},
        {"Type": "bind", "Source": "/etc/localtime", "Destination": "/etc/localtime", "RW": False},
    ],
}
"""The least that a feature's container is given, where there is none to look at: its gate asks Redis, and writes the
time as the switch has it."""


def daemonset(
    feature: str, container: dict[str, Any], image: dict[str, Any], reference: str, namespace: str = NAMESPACE
) -> dict[str, Any]:
    """The manifest, as the API server takes it.

    `container`, `image`: Docker's descriptions of the local container and its image; `reference`: what a pod pulls.
    `namespace`: of Kubernetes, where it goes.

    Raises:
        Refused: it has something a pod cannot have (a named volume, a network of its own).
    """
    config, host = as_object(container.get("Config")), as_object(container.get("HostConfig"))
    if host.get("NetworkMode") not in ("host", None):
        raise Refused(
            f"container {feature} has a network of its own; a feature's pod shares the host's",
            f"leave {feature} in legacy mode, or create its container with --net host",
        )
    mounts, volumes = _mounts(feature, container.get("Mounts"))
    name = feature.replace("_", "-").replace(".", "-").lower()
    run: dict[str, Any] = {
        "name": feature,
        "image": reference,
        "env": _environment(config, as_object(image.get("Config"))),
        "volumeMounts": mounts,
        "securityContext": _security(host),
    }
    if not _LABEL.fullmatch(feature):
        raise Refused(
            f"Kubernetes has no container named {feature}: lower-case letters, digits and `-` only",
            f"leave {feature} in legacy mode",
        )
    labels = {"app": name}
    pod = {
        "hostNetwork": True,
        "hostPID": host.get("PidMode") == "host",
        "hostIPC": host.get("IpcMode") == "host",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "nodeSelector": {label(feature): "true"},
        "terminationGracePeriodSeconds": stop_timeout(feature),
        "containers": [run],
        "volumes": volumes,
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {"name": name, "namespace": namespace, "labels": labels},
        "spec": {
            "selector": {"matchLabels": labels},
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1}},
            "template": {"metadata": {"labels": labels}, "spec": pod},
        },
    }


_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")


def _environment(config: dict[str, Any], image: dict[str, Any]) -> list[dict[str, str]]:
    """What the container was given beyond its image, and whose it is."""
    own = set(_strings(image.get("Env")))
    found = {}
    for line in _strings(config.get("Env")):
        name, _, value = line.partition("=")
        if line not in own and _ENV_NAME.fullmatch(name):
            found[name] = value
    found[_OWNER] = "kube"
    return [{"name": name, "value": value} for name, value in found.items()]


def _security(host: dict[str, Any]) -> dict[str, Any]:
    # Docker says CAP_NET_ADMIN or NET_ADMIN, Kubernetes the latter.
    added, dropped = ([word.removeprefix("CAP_") for word in _strings(host.get(key))] for key in ("CapAdd", "CapDrop"))
    capabilities = {"add": added, "drop": dropped}
    return {
        "privileged": host.get("Privileged") is True,
        "readOnlyRootFilesystem": host.get("ReadonlyRootfs") is True,
        "capabilities": {key: value for key, value in capabilities.items() if value},
    }


def _mounts(feature: str, found: Any) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    mounts, volumes = [], []
    for at, item in enumerate(m for m in (found if isinstance(found, list) else []) if isinstance(m, dict)):
        name, target = f"mount-{at}", str(item.get("Destination"))
        if item.get("Type") == "bind":
            volumes.append({"name": name, "hostPath": {"path": str(item.get("Source"))}})
        elif item.get("Type") == "tmpfs":
            volumes.append({"name": name, "emptyDir": {"medium": "Memory"}})
        else:
            raise Refused(
                f"container {feature} has a docker volume at {target}, which a pod cannot have",
                "mount a folder of the host instead",
            )
        mounts.append({"name": name, "mountPath": target, "readOnly": item.get("RW") is False})
    return mounts, volumes


def _strings(found: Any) -> list[str]:
    return [item for item in found if isinstance(item, str)] if isinstance(found, list) else []
