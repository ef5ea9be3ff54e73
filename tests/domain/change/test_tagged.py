"""Who takes a feature from its pod is told when there is no way back to that pod."""

from __future__ import annotations

import pytest

from system_service.domain.change.operate import Ask, operate
from system_service.domain.change.plan import Request, Verb
from system_service.model.pods import pod_labels
from tests.fakes import systemctl as fake
from tests.support.systemd import Spec

WARNING = "the image of snmp's pod is the switch's own by now: it comes back to a pod with the next version only"


@pytest.fixture
def served(fakes, asker, tmp_path, monkeypatch):
    """snmp runs from a pod; the image that its script names is the one the pod has, and the local container is gone."""
    monkeypatch.setenv("SYSTEM_SERVICE_SCRIPT_DIR", str(tmp_path))
    (tmp_path / "snmp.sh").write_text("docker create --name snmp docker-snmp:latest\n")
    fakes.systemd(snmp=Spec())
    fakes.feature("snmp", "", set_owner="kube")
    with fake.opened(fakes.units.state) as state:
        state["units"]["snmp.service"].update(active="active", sub="running")
    labels = dict(label.split("=", 1) for label in pod_labels("snmp"))
    pod = fakes.docker.create("k8s_snmp", start=True, labels=labels, image="docker-snmp:latest")
    fakes.serves(pod)
    return pod


def warned(asker, verb):
    return asker(verb, "snmp", dry_run=True).reports[0].warning


@pytest.mark.parametrize("verb", ["stop", "disable"])
def test_a_stop_says_so_before_and_after(served, asker, verb):
    assert warned(asker, verb) == WARNING
    assert asker(verb, "snmp").reports[0].warning == WARNING


@pytest.mark.parametrize("verb", ["restart", "start", "enable"])
def test_what_keeps_the_pod_says_nothing(served, asker, verb):
    assert warned(asker, verb) == ""


def test_nothing_is_said_where_the_way_back_is_open(served, asker, fakes):
    fakes.docker.create("snmp", image="docker-snmp:older")  # a stop and a start come back to this one, and to the pod
    assert warned(asker, "stop") == ""


def test_a_local_container_of_the_pod_s_image_is_none(served, asker, fakes):
    fakes.docker.create("snmp", image="docker-snmp:latest")
    assert warned(asker, "stop") == WARNING


def test_what_cannot_be_told_is_not_said(served, asker, fakes, tmp_path):
    (tmp_path / "snmp.sh").write_text("exec something-else\n")
    assert warned(asker, "stop") == ""
    (tmp_path / "snmp.sh").write_text("docker create docker-other:latest\n")
    assert warned(asker, "stop") == ""


def test_coming_home_is_the_same(served, fakes):
    from system_service.model.feature import Mode
    from tests.domain.change.test_move import move

    result = move(fakes, "snmp", mode=Mode.LEGACY, dry_run=True)
    assert result.reports[0].warning == WARNING


def test_it_is_told_before_the_deed(served, fakes):
    told = []
    request = Request(Verb.STOP)
    ask = Ask("c", ("snmp",), request, 1.0, tell=told.append, warn=lambda sentence: told.append(f"Warning: {sentence}"))
    operate(fakes.switch(), ask)
    assert told[0] == f"Warning: {WARNING}"
    assert any("stop snmp.service" in sentence for sentence in told[1:])
