"""Why a feature is as it is: what is said of every state a unit and a container can be in together."""

from __future__ import annotations

import time

import pytest

from system_service.domain.change.actions import Kind
from system_service.domain.change.plan import Request, Verb, plan
from system_service.domain.status.explain import explain
from system_service.domain.status.observe import observe
from system_service.model.feature import Owner
from system_service.model.pods import pod_labels
from tests.fakes import systemctl as fake
from tests.support.systemd import Spec


@pytest.fixture
def told(fakes, asker):
    """Explains snmp with a container in one state and a unit in another."""
    fakes.systemd(snmp=Spec())

    def explained(container="running", fields=None, **unit):
        fakes.feature("snmp", "", **(fields or {}))
        if container:
            fakes.container("snmp", container, log=[(1, b"first\n"), (2, b"last\xff\n")])
        with fake.opened(fakes.units.state) as state:
            state["units"]["snmp.service"].update(unit)
        return explain(fakes.switch(), "snmp")

    return explained


ACTIVE = {"active": "active", "sub": "running"}
FAILED = {"active": "failed", "sub": "failed", "result": "start-limit-hit"}
WAITING = {"active": "activating", "sub": "auto-restart", "restart_at": 1e12}
PRE = {"active": "activating", "sub": "start-pre", "gate": "/nonexistent"}


@pytest.mark.parametrize(
    ("container", "unit", "fields", "why", "next_"),
    [
        ("running", ACTIVE, {}, [], "when its container ends, systemd applies snmp.service's restart rules"),
        ("running", {}, {}, ["container snmp runs although snmp.service is inactive"], "start snmp"),
        ("exited", {}, {}, ["Docker says of container snmp: Exited (0) 5 minutes ago"], "until the next boot or"),
        ("exited", FAILED, {}, ["snmp.service was started too often in a short time"], "given up on snmp.service"),
        ("exited", WAITING, {}, ["snmp.service waits to be started again"], "after its RestartSec"),
        ("exited", PRE, {}, [], "systemd is starting snmp.service"),
        ("exited", {}, {"state": "disabled"}, ["its state in CONFIG_DB is disabled"], "system service enable snmp"),
        (
            "running",
            ACTIVE,
            {"set_owner": "kube"},
            ["the local image serves"],
            "until a Kubernetes cluster can be used",
        ),
        ("", ACTIVE, {}, ["snmp.service is active, but its container is absent"], "restart rules"),
        ("paused", ACTIVE, {}, ["container snmp is paused"], "restart rules"),
    ],
)
def test_why_and_what_next(told, container, unit, fields, why, next_):
    found = told(container, fields, **unit)
    for reason in why:
        assert reason in "\n".join(found.why)
    assert next_ in "\n".join(found.next)
    assert found.now[0].startswith(f"snmp is {found.report.status}")


def test_the_last_words_of_what_failed_and_only_of_that(told):
    assert told("exited", **FAILED).why[-2:] == ("its last words: first", "its last words: last\ufffd")


def test_no_last_words_of_what_was_stopped(told):
    assert "last words" not in "\n".join(told("exited").why)


def test_a_log_that_cannot_be_read_does_not_hide_the_rest(told, fakes):
    fakes.docker.inject("GET /containers/.*/logs", "raw", raw=b"HTTP/1.0 500 X\r\n\r\noops")
    found = told("exited", **FAILED)
    assert found.why[-1].startswith("its log cannot be read: Docker at")
    assert found.next


def test_changes_come_from_the_journal(told, fakes):
    assert told().changes == ("none on record",)
    fakes.program("journalctl", ["sh", "-c", "echo no journal >&2; exit 1"])
    assert explain(fakes.switch(), "snmp").changes[0].startswith("the audit log cannot be read")


def test_masked_is_said(told):
    found = told("exited", masked=True)
    assert "snmp.service is inactive (dead, masked)" in "\n".join(found.now)


@pytest.mark.parametrize(
    ("container", "unit"), [("exited", {}), ("exited", FAILED), ("running", {}), ("running", ACTIVE)]
)
def test_masked_though_enabled_says_what_brings_it_back(told, container, unit):
    (line,) = told(container, masked=True, **unit).next
    assert line.startswith("snmp.service is masked: ")
    assert line.endswith(" starts it again, until: system service enable snmp")


def test_failed_and_disabled_does_not_advise_what_is_refused(told):
    assert told("exited", {"state": "disabled"}, **FAILED).next == ("nothing, until: system service enable snmp",)


def pod(fakes, serves=True):
    """A pod's container, which runs snmp or is at its gate; the local one has ended."""
    labels = dict(label.split("=", 1) for label in pod_labels("snmp"))
    made = fakes.docker.create("k8s_snmp", start=True, labels=labels, image="snmp:v2")
    made.started = time.time() - 60
    row = {"system_state": "up", "remote_state": "running" if serves else "pending", "container_id": made.id[:12]}
    now = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - 30))
    fakes.put("STATE_DB", "FEATURE|snmp", row | {"current_owner": "kube" if serves else "none", "update_time": now})
    if serves:
        fakes.serves(made)
    return made


@pytest.mark.parametrize(
    ("container", "fields", "next_"),
    [
        ("exited", {}, "when its pod's container ends, a new one is awaited for 20 s; then the local image serves"),
        (
            "exited",
            {"no_fallback_to_local": "true"},
            "when its pod's container ends, nobody runs it until a new one does",
        ),
        ("", {"no_fallback_to_local": "true"}, "when its pod's container ends, nobody runs it until a new one does"),
        ("exited", {"set_owner": "local"}, "the local container takes over: system service status snmp"),
    ],
)
def test_a_pod_that_serves(told, fakes, container, fields, next_):
    made = pod(fakes)
    found = told(container, {"set_owner": "kube"} | fields, **ACTIVE)
    assert found.report.owner is Owner.KUBE
    assert found.now[-1] == f"a pod's container {made.id[:12]} is running, snmp.service is active (running)"
    assert "Docker says" not in "".join(found.why)
    assert "STATE_DB" not in "".join(found.why)
    assert found.next == (next_,)


def test_a_pod_that_serves_without_its_unit(told, fakes):
    pod(fakes)
    found = told("exited", {"set_owner": "kube"})
    assert found.next == ("nobody watches the container; under its unit again: system service start snmp",)


@pytest.mark.parametrize("at_gate", [True, False])
@pytest.mark.parametrize("fallback", ["true", "false"])
def test_a_unit_that_waits_for_its_pod_believes_what_state_db_says(told, fakes, at_gate, fallback):
    fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "up"})
    if at_gate:
        pod(fakes, serves=False)
    found = told("exited", {"set_owner": "kube", "no_fallback_to_local": fallback}, **ACTIVE)
    assert "STATE_DB" not in "".join(found.why)
    assert "its wait waits for" in found.next[0]


def test_state_db_is_out_of_date_where_nobody_waits(told, fakes):
    fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "up"})
    assert "STATE_DB still says up" in told("exited").why[-1]


def test_disabled_and_nothing_there(fakes, asker):
    fakes.feature("snmp", "", state="disabled")
    assert explain(fakes.switch(), "snmp").next == ("nothing, until: system service enable snmp",)


def test_what_is_advised_for_a_container_that_nobody_watches_interrupts_nothing(told, fakes, asker):
    """`start`: the unit is started, and what runs goes on; of the pod that serves, that is for its start script."""
    assert "system service start snmp" in told("running").next[0]
    before = fakes.docker.get("snmp").started
    result = asker("start", "snmp")
    assert (result.error, result.changed) == (None, True)
    assert (fakes.docker.get("snmp").state, fakes.docker.get("snmp").started) == ("running", before)
    assert fakes.switch().units.show("snmp.service")["snmp.service"].active.value == "active"


def test_nor_does_it_close_the_gate_of_a_pod_that_serves(told, fakes):
    pod(fakes)
    told("exited", {"set_owner": "kube"})
    snapshot = observe(fakes.switch(), ("snmp",))
    kinds = [action.kind for action in plan(snapshot, snapshot.features[0], Request(Verb.START)).actions]
    assert kinds == [Kind.RESET_FAILED, Kind.START_UNIT, Kind.AWAIT_RUNNING]
