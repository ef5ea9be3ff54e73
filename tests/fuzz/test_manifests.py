"""A manifest made of whatever Docker describes."""

from __future__ import annotations

import json

from hypothesis import given

from system_service.domain.kube_only.manifest import daemonset
from tests.fuzz.inputs import FEW, near, tolerates

CONTAINER = {
    "Config": {"Env": ["A=b", "RUNTIME_OWNER=local", "="]},
    "HostConfig": {
        "NetworkMode": "host",
        "PidMode": "host",
        "IpcMode": "host",
        "Privileged": True,
        "ReadonlyRootfs": False,
        "CapAdd": ["CAP_NET_ADMIN", "SYS_TIME"],
        "CapDrop": None,
    },
    "Mounts": [
        {"Type": "bind", "Source": "/a", "Destination": "/b", "RW": True},
        {"Type": "tmpfs", "Destination": "/c"},
    ],
}
IMAGE = {"Config": {"Env": ["PATH=/bin"]}}


@FEW
@given(container=near(CONTAINER), image=near(IMAGE))
def test_a_daemonset(container: object, image: object) -> None:
    described = container if isinstance(container, dict) else {"HostConfig": container}
    of = image if isinstance(image, dict) else {"Config": image}

    def made() -> None:
        found = daemonset("snmp", described, of, "registry/snmp:1")
        pod = json.loads(json.dumps(found))["spec"]["template"]["spec"]
        names = [volume["name"] for volume in pod["volumes"]]
        assert len(set(names)) == len(names)
        assert {"name": "RUNTIME_OWNER", "value": "kube"} in pod["containers"][0]["env"]

    tolerates(made)
