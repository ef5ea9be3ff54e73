"""Why a feature is as it is: what is said of every state a unit and a container can be in together."""

from __future__ import annotations

import pytest

from system_service.domain.explain import explain
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
        return explain(fakes.switch(), "snmp").fields

    return explained


ACTIVE = {"active": "active", "sub": "running"}
FAILED = {"active": "failed", "sub": "failed", "result": "start-limit-hit"}
WAITING = {"active": "activating", "sub": "auto-restart", "restart_at": 1e12}
PRE = {"active": "activating", "sub": "start-pre", "gate": "/nonexistent"}


@pytest.mark.parametrize(
    ("container", "unit", "fields", "why", "next_"),
    [
        ("running", ACTIVE, {}, [], "when its container ends, systemd applies snmp.service's restart rules"),
        ("running", {}, {}, ["container snmp runs although snmp.service is inactive"], "restart snmp"),
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
    fields = told(container, fields, **unit)
    for reason in why:
        assert reason in "\n".join(fields["why"])
    assert next_ in "\n".join(fields["next"])
    assert fields["now"][0].startswith(f"snmp is {fields['status']}")


def test_the_last_words_of_what_failed_and_only_of_that(told):
    assert told("exited", **FAILED)["why"][-2:] == ["its last words: first", "its last words: last\ufffd"]


def test_no_last_words_of_what_was_stopped(told):
    assert "last words" not in "\n".join(told("exited")["why"])


def test_a_log_that_cannot_be_read_does_not_hide_the_rest(told, fakes):
    fakes.docker.inject("GET /containers/.*/logs", "raw", raw=b"HTTP/1.0 500 X\r\n\r\noops")
    fields = told("exited", **FAILED)
    assert fields["why"][-1].startswith("its log cannot be read: Docker at")
    assert fields["next"]


def test_changes_come_from_the_journal(told, fakes):
    assert told()["changes"] == ["none on record"]
    fakes.program("journalctl", ["sh", "-c", "echo no journal >&2; exit 1"])
    assert explain(fakes.switch(), "snmp").fields["changes"][0].startswith("the audit log cannot be read")


def test_masked_is_said(told):
    assert "snmp.service is inactive (dead, masked)" in "\n".join(told("exited", masked=True)["now"])
