"""A container's own id from what /proc shows inside: samples of both versions of control groups, and of pods."""

from __future__ import annotations

import pytest

from system_service.domain.own_container import own_id, parse

ID = "3f4e" + "0a1b" * 15
SANDBOX = "9c8d" + "7e6f" * 15
UID = "0de50d99-161f-460b-992a-e38e151885f1"
DOCKER_V1 = f"""12:pids:/docker/{ID}
11:memory:/docker/{ID}
1:name=systemd:/docker/{ID}
0::/system.slice/docker.service
"""
KUBEPODS_V1 = f"11:memory:/kubepods/burstable/pod{UID}/{ID}\n"
KUBEPODS_SYSTEMD = (
    f"5:memory:/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod{UID.replace('-', '_')}.slice"
    f"/docker-{ID}.scope\n"
)
NESTED = f"11:memory:/docker/{SANDBOX}/docker/{ID}\n"
HOST = "11:memory:/system.slice/snmp.service\n0::/init.scope\n"
V2 = "0::/\n"
MOUNTS = f"""1570 1463 0:279 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB
1580 1570 254:0 /var/lib/docker/containers/{ID}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda rw
1581 1570 254:0 /var/lib/docker/containers/{ID}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw
"""
POD_MOUNTS = f"""1570 1463 0:279 / / rw,relatime master:1 - overlay overlay rw,lowerdir=/var/lib/docker/overlay2/l/AB
1579 1570 254:0 /var/lib/kubelet/pods/{UID}/etc-hosts /etc/hosts rw,relatime - ext4 /dev/vda rw
1580 1570 254:0 /var/lib/docker/containers/{SANDBOX}/resolv.conf /etc/resolv.conf rw,relatime - ext4 /dev/vda rw
1581 1570 254:0 /var/lib/docker/containers/{SANDBOX}/hostname /etc/hostname rw,relatime - ext4 /dev/vda rw
"""
# What a host's own table has of its containers: they are mounted there, and it is none of them.
HOST_MOUNTS = f"900 29 0:50 / /var/lib/docker/containers/{ID}/mounts/shm rw,nosuid - tmpfs shm rw,size=65536k\n"


@pytest.mark.parametrize("cgroup", [DOCKER_V1, KUBEPODS_V1, KUBEPODS_SYSTEMD, NESTED])
def test_version_1_names_it(cgroup: str) -> None:
    assert parse(cgroup, POD_MOUNTS) == ID[:12]


def test_version_2_names_it_in_docker_s_own_files() -> None:
    assert parse(V2, MOUNTS) == ID[:12]
    assert parse(V2, MOUNTS.replace("/var/lib/docker", "/mnt/data")) == ID[:12]


def test_the_files_of_a_pod_s_sandbox_are_not_taken_for_its_own() -> None:
    assert parse(V2, POD_MOUNTS) == ""


@pytest.mark.parametrize(
    ("cgroup", "mountinfo"),
    [
        ("", ""),
        (HOST, HOST_MOUNTS),
        (f"11:memory:/docker/{ID}0\n", ""),  # 65 letters are no id
        ("nonsense\n::\n", "1 2 3\n\n"),
        (V2, f"1 2 8:1 /containers/{ID[:20]}/hostname /etc/hostname rw - ext4 /dev/vda rw\n"),
        (V2, f"1 2 8:1 /home/containers/{ID}/x /etc/passwd rw - ext4 /dev/vda rw\n"),
    ],
)
def test_nothing_that_tells(cgroup: str, mountinfo: str) -> None:
    assert parse(cgroup, mountinfo) == ""


def test_of_this_process() -> None:
    assert len(own_id()) in (0, 12)
