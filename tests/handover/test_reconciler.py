"""What a reconciler asks and does, call by call: above all in the moments in which nobody serves."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_mock import MockerFixture

from system_service.errors import Failed
from system_service.handover.reconciler import Reconciler
from system_service.handover.rows import Rows
from system_service.handover.view import START_GRACE
from system_service.model.boot import boot_id, uptime

LOCAL, NEW = "1", "2"
GATE = [["9", "1", "9", "S", "5", "python3 /usr/bin/container_startup.py -f snmp -o kube -v 2"]]
STARTED = "2026-01-01T00:00:00.5Z"
POD = "a" * 12


class Databases:
    """The rows, and in `log` every change of them."""

    def __init__(self, log: list[str], owner: str, **state: str) -> None:
        self.log = log
        self.rows_held = {
            ("CONFIG_DB", "FEATURE|snmp"): {"set_owner": owner},
            ("STATE_DB", "FEATURE|snmp"): {"system_state": "up", **state},
            ("STATE_DB", "SYSTEM_SERVICE|snmp"): {"boot": boot_id()},
            ("STATE_DB", "KUBE_LABELS|SET"): {"snmp_local": LOCAL},
        }

    def rows(self, *wanted: tuple[str, str]) -> list[dict[str, str]]:
        return [dict(self.rows_held.get(place, {})) for place in wanted]

    def update(self, database: str, key: str, decide: Any) -> bool:
        row = self.rows_held.setdefault((database, key), {})
        edit = decide(dict(row))
        changed = edit is not None and any(row.get(field) != value for field, value in edit.set.items())
        if edit is not None:
            row.update(edit.set)
            for field in edit.delete:
                row.pop(field, None)
            self.log += [f"{key}: {field}={value}" for field, value in edit.set.items() if field == "remote_state"]
        return changed


class Docker:
    """One local container and one of a pod's; `log` has every call."""

    def __init__(self, log: list[str], *, local: bool, shown: list[list[str]]) -> None:
        self.log, self.local, self.shown, self.starts = log, local, shown, 0

    def inspect(self, ref: str) -> dict[str, Any]:
        self.log.append(f"inspect {ref}")
        if ref == "snmp":
            return {"Id": "b" * 64, "State": {"Running": self.local}}
        state = {"Running": True, "StartedAt": f"{STARTED}{self.starts}"}
        return {"Id": POD, "State": state, "Config": {"Env": [f"IMAGE_VERSION={NEW}"]}}

    def running(self, labels: object) -> list[str]:
        self.log.append("list")
        return [POD]

    def top(self, ref: str, columns: str) -> list[list[str]]:
        self.log.append(f"top {ref}")
        return self.shown

    def read(self, ref: str, path: str) -> bytes:
        self.log.append(f"read {ref}")
        return b"program:snmpd\n"

    def start(self, ref: str) -> None:
        self.log.append(f"start {ref}")
        self.local = True

    def stop(self, ref: str, grace: int) -> None:
        self.log.append(f"stop {ref} {grace}")
        self.local = self.local and ref != "snmp"

    def restart(self, ref: str, grace: int, between: Any = None) -> None:
        self.log.append(f"restart {ref}")
        self.starts += 1
        self.shown = [["9", "1", "9", "S", "0", "/bin/sh /usr/bin/entry.sh"]]
        if between:
            between()


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> list[str]:
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(tmp_path))
    return []


def reconciler_of(db: Databases, docker: Docker) -> Reconciler:
    return Reconciler(Rows(db, "snmp", "snmp"), docker, "snmp", "snmp", lambda sentence: None)  # type: ignore[arg-type]


def announced(log: list[str], *, local: bool) -> tuple[Databases, Docker, Reconciler]:
    """A pod has come to its gate, beside the local container or nobody."""
    owner = "local" if local else "none"
    db = Databases(log, "kube", remote_state="none", current_owner=owner, container_version=LOCAL)
    docker = Docker(log, local=local, shown=[])
    reconciler = reconciler_of(db, docker)
    reconciler.look()
    docker.shown = GATE
    db.rows_held["STATE_DB", "FEATURE|snmp"] |= {"remote_state": "pending", "container_version": NEW}
    return db, docker, reconciler


def test_between_the_local_container_s_end_and_the_answer_nothing_is_asked(log: list[str]) -> None:
    _, _, reconciler = announced(log, local=True)
    for _ in range(30):  # it begins when the gate is about to look
        reconciler.reconcile()
        if "stop snmp 10" in log:
            break
        assert reconciler.due is not None
        _until(reconciler.due)
    begun = log.index("stop snmp 10")
    assert log[begun : begun + 2] == ["stop snmp 10", "FEATURE|snmp: remote_state=ready"]


def test_a_gate_that_has_opened_and_whose_program_has_not_ended_is_no_death(log: list[str]) -> None:
    """The gate says `running`, and takes some 20 to 100 ms more to end."""
    db, docker, reconciler = announced(log, local=False)
    state, own = (db.rows_held["STATE_DB", key] for key in ("FEATURE|snmp", "SYSTEM_SERVICE|snmp"))
    reconciler.reconcile()
    assert state["remote_state"] == "ready"
    said = {"remote_state": "running", "current_owner": "kube", "container_id": POD}
    state |= said
    reconciler.reconcile()
    assert said.items() <= state.items()
    assert reconciler.due is not None  # nothing else would tell
    docker.shown = [["9", "1", "9", "S", "5", "snmpd"]]
    reconciler.reconcile()
    assert said.items() <= state.items()
    assert own["served"].startswith(POD)
    assert "deaths" not in own


def test_a_gate_that_is_said_to_be_open_and_is_not_is_no_owner_for_long(
    log: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A restart by hand: the same container, its row as it was, and a gate that says nothing."""
    db = Databases(log, "kube", remote_state="running", current_owner="kube", container_version=NEW, container_id=POD)
    docker = Docker(log, local=False, shown=GATE)
    reconciler = reconciler_of(db, docker)
    own = db.rows_held["STATE_DB", "SYSTEM_SERVICE|snmp"]
    reconciler.reconcile()
    assert not {"served", "deaths"} & own.keys()
    monkeypatch.setattr("system_service.handover.reconciler.uptime", lambda: uptime() + START_GRACE)
    reconciler.reconcile()
    assert "served" not in own
    assert "deaths" in own


def test_at_home_the_local_container_starts_as_soon_as_the_pod_s_processes_are_dead(log: list[str]) -> None:
    db = Databases(log, "kube", remote_state="running", current_owner="kube", container_version=NEW)
    docker = Docker(log, local=False, shown=[["9", "1", "9", "S", "5", "snmpd"]])
    reconciler = reconciler_of(db, docker)
    reconciler.reconcile()
    db.rows_held["CONFIG_DB", "FEATURE|snmp"] = {"set_owner": "local"}
    del log[:]
    reconciler.reconcile()
    begun = log.index(f"restart {POD}")
    assert [line for line in log[begun:] if not line.startswith("FEATURE")][:2] == [f"restart {POD}", "start snmp"]


def test_who_serves_is_asked_for_no_processes(log: list[str]) -> None:
    """A look is a list and two inspects while nothing changes."""
    db = Databases(log, "kube", remote_state="running", current_owner="kube", container_version=NEW)
    reconciler = reconciler_of(db, Docker(log, local=False, shown=[["9", "1", "9", "S", "5", "snmpd"]]))
    reconciler.reconcile()
    del log[:]
    reconciler.reconcile()
    assert log == ["inspect snmp", "list", f"inspect {POD}"]


def _until(moment: float) -> None:
    """Returns at this moment (seconds since boot)."""
    import select

    select.select([], [], [], max(0.0, moment - uptime()) + 0.01)


def test_a_container_that_ends_while_docker_looks_into_it_has_ended(log: list[str], mocker: MockerFixture) -> None:
    """dockerd's sentence is another in each version: none of them is a failure of the handover's."""
    _, docker, reconciler = announced(log, local=True)
    assert len(reconciler.look().pods) == 1
    mocker.patch.object(docker, "top", side_effect=Failed("Docker: ps: exit status 1", "journalctl -u docker"))
    assert reconciler.look().pods == []
