"""Which container a script means by a feature's name."""

from __future__ import annotations

import pytest

from system_service.domain.status.locate import docker_name
from system_service.model.pods import pod_labels

GATE = [["7", "/usr/bin/python3 /usr/bin/container_startup.py -f snmp -o kube -v 2"]]
SERVES = [["7", "/usr/bin/python3 /usr/bin/supervisord -n"], ["8", "/usr/sbin/snmpd -f"]]


@pytest.mark.parametrize("first_serves", [True, False])
def test_of_two_pods_the_one_that_is_past_its_gate(fakes, asker, first_serves):
    labels = dict(label.split("=", 1) for label in pod_labels("snmp"))
    lists = (SERVES, GATE) if first_serves else (GATE, SERVES)
    made = [
        fakes.docker.create(f"k8s_snmp_{number}", start=True, labels=labels, processes=found)
        for number, found in enumerate(lists)
    ]
    serving = made[0] if first_serves else made[1]
    assert docker_name(fakes.switch().docker, "snmp") == serving.id[:12]


def test_of_two_at_their_gates_the_newest(fakes, asker):
    labels = dict(label.split("=", 1) for label in pod_labels("snmp"))
    for number, ago in ((0, 90), (1, 0)):
        made = fakes.docker.create(f"k8s_snmp_{number}", start=True, labels=labels, processes=GATE)
        made.created -= ago
    assert docker_name(fakes.switch().docker, "snmp") == made.id[:12]
