"""The image that a unit's script makes its container from, as far as the script says it."""

from __future__ import annotations

import os

import pytest

from system_service.backends.unit_script import image

# As the switch's build renders it, shortened.
RENDERED = """#!/bin/bash
# docker-snmp:latest, or what was here before docker-old:latest
DOCKERNAME=snmp
start() {
    docker create --net=host \\
        -v /etc/localtime:/etc/localtime:ro \\
        --env "SYSLOG_TARGET_IP=127.0.0.1" \\
        --name=$DOCKERNAME \\
        docker-snmp:latest \\
        || { echo "Failed to docker run" >&1; exit 4; }
}
"""


@pytest.mark.parametrize(
    ("script", "named"),
    [
        (RENDERED, "docker-snmp:latest"),
        ("IMAGE=docker-fpm-frr:latest\n", "docker-fpm-frr:latest"),
        ('IMAGE="docker-snmp:latest"\nTHE_SAME=docker-snmp:latest\n', "docker-snmp:latest"),
        ("docker create docker-a:latest || docker create docker-b:latest\n", ""),  # who knows which
        ("docker create cpu-report:1.0.0\n", ""),  # an application extension's
        ("docker create registry/docker-snmp:latest docker-snmp:latest-1 docker-snmp:20240101\n", ""),
        ("exec k8s_pod_control.sh $1\n", ""),
        ("", ""),
    ],
)
def test_the_image_is_the_word_that_the_script_runs(tmp_path, script, named):
    (tmp_path / "snmp.sh").write_text(script)
    assert image("snmp", str(tmp_path)) == named


def test_what_is_no_file_names_no_image(tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTEM_SERVICE_SCRIPT_DIR", str(tmp_path))
    assert image("snmp") == ""
    (tmp_path / "snmp.sh").mkdir()
    assert image("snmp") == ""
    os.mkfifo(tmp_path / "lldp.sh")  # opened like this, it must not block
    assert image("lldp") == ""
    (tmp_path / "radv.sh").write_bytes(b"\xff\xfe docker-router-advertiser:latest \xff")
    assert image("radv") == "docker-router-advertiser:latest"
