"""The DaemonSet of a feature has what its local container has, and the label and the owner that make it a pod's."""

from __future__ import annotations

import pytest

from system_service.domain.kube_only.manifest import daemonset
from system_service.errors import Refused

IMAGE = {"Config": {"Env": ["PATH=/bin", "IMAGE_VERSION=1"]}}


def container(**host):
    return {
        "Config": {"Env": ["PATH=/bin", "IMAGE_VERSION=1", "RUNTIME_OWNER=local", "PLATFORM=x86", "no such name=1"]},
        "HostConfig": {"NetworkMode": "host", "CapAdd": ["CAP_NET_ADMIN", "SYS_TIME"], "CapDrop": None, **host},
        "Mounts": [
            {"Type": "bind", "Source": "/run/redis", "Destination": "/run/redis", "RW": True},
            {"Type": "bind", "Source": "/etc/sonic", "Destination": "/etc/sonic", "RW": False},
            {"Type": "tmpfs", "Destination": "/tmp", "RW": True},
        ],
    }


def pod(made):
    return made["spec"]["template"]["spec"]


def test_it_has_what_the_local_container_has():
    made = daemonset("snmp", container(), IMAGE, "registry/docker-snmp:2")
    assert made["metadata"]["namespace"] == "sonic"
    assert daemonset("snmp", container(), IMAGE, "snmp:2", "switches")["metadata"]["namespace"] == "switches"
    assert pod(made)["nodeSelector"] == {"snmp_enabled": "true"}
    assert (pod(made)["hostNetwork"], pod(made)["automountServiceAccountToken"]) == (True, False)
    (run,) = pod(made)["containers"]
    assert (run["name"], run["image"]) == ("snmp", "registry/docker-snmp:2")
    # What the image says is the new image's to say.
    assert run["env"] == [{"name": "RUNTIME_OWNER", "value": "kube"}, {"name": "PLATFORM", "value": "x86"}]
    assert run["securityContext"]["capabilities"] == {"add": ["NET_ADMIN", "SYS_TIME"]}
    assert [(m["mountPath"], m["readOnly"]) for m in run["volumeMounts"]] == [
        ("/run/redis", False),
        ("/etc/sonic", True),
        ("/tmp", False),
    ]
    assert [v.get("hostPath", v.get("emptyDir")) for v in pod(made)["volumes"]] == [
        {"path": "/run/redis"},
        {"path": "/etc/sonic"},
        {"medium": "Memory"},
    ]


def test_its_own_labels_select_its_pods():
    made = daemonset("snmp", container(Privileged=True, PidMode="host"), IMAGE, "x")
    labels = made["spec"]["template"]["metadata"]["labels"]
    assert labels == made["spec"]["selector"]["matchLabels"] == {"app": "snmp"}
    assert pod(made)["hostPID"] is True
    assert pod(made)["containers"][0]["securityContext"]["privileged"] is True


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"HostConfig": {"NetworkMode": "bridge"}}, "a network of its own"),
        ({"Mounts": [{"Type": "volume", "Name": "v", "Destination": "/data"}]}, "a docker volume at /data"),
    ],
)
def test_what_a_pod_cannot_have_is_refused(change, words):
    with pytest.raises(Refused, match=words):
        daemonset("snmp", container() | change, IMAGE, "x")


def test_a_name_that_kubernetes_does_not_take_is_refused():
    with pytest.raises(Refused, match="no container named dhcp_relay"):
        daemonset("dhcp_relay", container(), IMAGE, "x")


@pytest.mark.parametrize("strange", [{}, {"Config": None, "HostConfig": 7, "Mounts": "x"}, {"Mounts": [None, 3]}])
def test_a_description_that_is_none_makes_the_plainest_manifest(strange):
    (run,) = pod(daemonset("snmp", strange, {}, "x"))["containers"]
    assert run["env"] == [{"name": "RUNTIME_OWNER", "value": "kube"}]
