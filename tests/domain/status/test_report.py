"""What is said of every combination of what is seen: always something, and always one of the words."""

from __future__ import annotations

import re
import time
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from system_service.domain.result import Result
from system_service.domain.status.report import detail, local, owner, report, running, since, status, utc, version
from system_service.model.boot import boot_id, uptime
from system_service.model.feature import AdminState, Feature, Mode, Owner
from system_service.model.handover_reasons import SAME_VERSION, TWO_PODS
from system_service.model.snapshot import Active, Container, FeatureState, InstanceState, Notes, Run, Unit
from system_service.terminal.envelope import envelope
from tests.model.world import instance

UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy
WORDS = {"running", "starting", "stopping", "stopped", "disabled", "failed", "fallback", "handover", "pending"}
SUBS = ("dead", "running", "start-pre", "auto-restart", "stop", "failed", "")
UNITS = [None, Unit("snmp.service"), *(Unit("snmp.service", True, a, s) for a, s in product(Active, SUBS))]
FEATURES = [Feature("snmp", s, mode=m) for s, m in product(AdminState, Mode)]


def one(run: Run, unit: Unit | None, index: int = 0, count: int = 1) -> InstanceState:
    box = None if run is Run.ABSENT else Container("0" * 64, "snmp", run, "docker-snmp:1")
    return InstanceState(instance(index, count), box, unit)


def word(run: Run, active: Active | None = None, sub: str = "", **fields) -> str:
    unit = None if active is None else Unit("snmp.service", True, active, sub)
    return status(FeatureState(Feature("snmp", **{"state": AdminState.ENABLED, **fields}), (one(run, unit),)))


def test_every_combination_has_a_word_a_detail_and_json() -> None:
    seen = 0
    for feature, run, unit in product(FEATURES, Run, UNITS):
        wanted = FeatureState(feature, (one(run, unit),))
        said = status(wanted)
        assert said in WORDS
        if running(report(wanted)):
            assert owner(wanted) is Owner.LOCAL
            assert run is Run.RUNNING
        if said == "failed":
            assert detail(wanted), (feature, run, unit)
        (shown,) = envelope(Result("", (report(wanted),)))["features"]
        assert shown["status"] == said
        seen += 1
    assert seen == len(FEATURES) * 8 * len(UNITS) >= 3_000


def test_word_of_several_instances_is_one_of_theirs() -> None:
    looks = list(product((Run.RUNNING, Run.EXITED, Run.PAUSED), UNITS[::3]))
    for first, second in product(looks, looks):
        seen = (one(*first, 0, 2), one(*second, 1, 2))
        single = {status(FeatureState(FEATURES[0], (s,))) for s in seen}
        both = status(FeatureState(FEATURES[0], seen))
        assert both in single
        if running(report(FeatureState(FEATURES[0], seen))):
            assert all(running(report(FeatureState(FEATURES[0], (s,)))) for s in seen)


def test_feature_without_instance_is_not_running() -> None:
    assert not running(report(FeatureState(FEATURES[0], ())))


@pytest.mark.parametrize(
    ("run", "active", "sub", "fields", "said"),
    [
        (Run.RUNNING, Active.ACTIVE, "running", {}, "running"),
        (Run.RUNNING, None, "", {}, "running"),
        (Run.RUNNING, Active.ACTIVE, "running", {"mode": Mode.KUBERNETES}, "fallback"),
        (Run.RUNNING, Active.ACTIVATING, "start-pre", {}, "starting"),
        (Run.RUNNING, Active.DEACTIVATING, "stop", {}, "stopping"),
        (Run.EXITED, Active.ACTIVATING, "auto-restart", {}, "starting"),
        (Run.EXITED, Active.INACTIVE, "dead", {}, "stopped"),
        (Run.EXITED, Active.INACTIVE, "dead", {"state": AdminState.DISABLED}, "disabled"),
        (Run.EXITED, Active.FAILED, "failed", {}, "failed"),
        (Run.EXITED, Active.ACTIVE, "exited", {}, "failed"),
        (Run.PAUSED, Active.ACTIVE, "running", {}, "failed"),
        (Run.DEAD, None, "", {}, "failed"),
        (Run.ABSENT, None, "", {}, "stopped"),
    ],
)
def test_word_says_what_an_operator_would(run, active, sub, fields, said) -> None:
    assert word(run, active, sub, **fields) == said


@pytest.mark.parametrize(
    ("image", "tag"),
    [
        ("docker-snmp:20240101.1", "20240101.1"),
        ("registry:5000/docker-snmp:latest", "latest"),
        ("registry:5000/docker-snmp", ""),
        ("docker-snmp", ""),
        ("docker-snmp@sha256:ab", ""),
        ("", ""),
    ],
)
def test_version_is_the_tag(image: str, tag: str) -> None:
    box = Container("0" * 64, "snmp", Run.RUNNING, image)
    assert version(FeatureState(FEATURES[0], (InstanceState(instance(0, 1), box, None),))) == tag


@UNHURRIED
@given(st.text() | st.datetimes().map(lambda t: f"{t:%Y-%m-%d %H:%M:%S}"))
def test_any_host_time_is_a_time_or_nothing(text: str) -> None:
    assert local(utc(text)) in ("", text)


@UNHURRIED
@given(st.text())
def test_any_state_row_is_a_time_or_nothing(text: str) -> None:
    assert since(FeatureState(FEATURES[0], (), {"update_time": text})) == utc(text)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Tokyo"])
@pytest.mark.parametrize("stamp", ["0001-01-01 00:00:00", "9999-12-31 23:59:59", "nonsense", ""])
def test_no_time_of_day_is_too_strange_to_be_told(zone, stamp, monkeypatch):
    monkeypatch.setenv("TZ", zone)
    time.tzset()
    try:
        assert utc(stamp) == "" or re.fullmatch(r"\d+-\d\d-\d\dT\d\d:\d\d:\d\dZ", utc(stamp))
    finally:
        monkeypatch.undo()
        time.tzset()


HANDED_OVER = {"system_state": "up", "remote_state": "running", "update_time": "2026-11-22 10:00:00"}


@pytest.mark.parametrize(
    ("mode", "owner", "row", "said"),
    [
        (Mode.KUBERNETES, Owner.KUBE, {"current_owner": "kube"}, utc("2026-11-22 10:00:00")),
        (Mode.KUBERNETES, Owner.LOCAL, {"current_owner": "local"}, utc("2026-11-22 10:00:00")),
        (Mode.KUBERNETES, Owner.LOCAL, {"current_owner": "kube"}, "2026-11-21T00:00:00Z"),
        (Mode.KUBERNETES, Owner.KUBE, {"update_time": "soon"}, "2026-11-21T00:00:00Z"),
        (Mode.KUBERNETES, Owner.NONE, {}, "2026-11-21T00:00:00Z"),
        (Mode.LEGACY, Owner.KUBE, {"current_owner": "kube"}, utc("2026-11-22 10:00:00")),
        (Mode.LEGACY, Owner.LOCAL, {"current_owner": "local"}, utc("2026-11-22 10:00:00")),
    ],
)
def test_since_is_the_row_s_as_far_as_it_agrees_with_what_is_seen(mode, owner, row, said) -> None:
    assert since(seen_by(mode, owner, HANDED_OVER | row)) == said


def seen_by(mode: Mode, owner: Owner, row: dict, own: dict | None = None, pods: int = 0, units: bool = True):
    """A feature of which systemd was asked, or not; `pods` more than the one that may serve are at their gates."""
    box = Container("0" * 64, "snmp", Run.RUNNING if owner is Owner.LOCAL else Run.EXITED)
    pod = Container("1" * 64, "k8s_snmp", Run.RUNNING) if owner is Owner.KUBE else None
    waiting = tuple(Container(str(2 + n) * 64, f"k8s_{n}", Run.RUNNING) for n in range(pods))
    unit = Unit("snmp.service", True, Active.ACTIVE, "running", since="2026-11-21T00:00:00Z")
    seen = InstanceState(instance(0, 1), box, unit if units else None, (*((pod,) if pod else ()), *waiting), pod)
    return FeatureState(Feature("snmp", AdminState.ENABLED, mode=mode), (seen,), row, Notes.of(own or {}))


def own(**fields) -> dict[str, str]:
    return {"boot": boot_id(), **{name: str(value) for name, value in fields.items()}}


@pytest.mark.parametrize("now", [Owner.LOCAL, Owner.KUBE])
def test_since_is_when_the_present_owner_took_over_whatever_is_announced_meanwhile(now) -> None:
    row = HANDED_OVER | {"current_owner": "local", "update_time": "2026-11-22 11:11:11", "remote_state": "pending"}
    for units in (True, False):
        found = seen_by(Mode.KUBERNETES, now, row, own(took=f"{now.value} 1795341600"), units=units)
        assert since(found) == "2026-11-22T10:00:00Z"
    other = {Owner.LOCAL: "kube", Owner.KUBE: "local"}[now]
    assert since(seen_by(Mode.KUBERNETES, now, row, own(took=f"{other} 1795341600"))) != "2026-11-22T10:00:00Z"


def test_since_is_the_same_with_and_without_names() -> None:
    row = HANDED_OVER | {"current_owner": "local"}
    assert {since(seen_by(Mode.LEGACY, Owner.LOCAL, row, units=units)) for units in (True, False)} == {
        utc("2026-11-22 10:00:00")
    }


def test_nobody_runs_it_since_the_reason_is_so() -> None:
    found = seen_by(Mode.KUBERNETES, Owner.NONE, HANDED_OVER, own(reason="ErrImagePull", since=1795341600))
    assert since(found) == "2026-11-22T10:00:00Z"


def test_the_version_of_the_local_image_is_no_fallback() -> None:
    same = seen_by(Mode.KUBERNETES, Owner.LOCAL, {}, own(reason=SAME_VERSION), pods=1)
    assert (status(same), detail(same)) == ("running", "the local image is the pod's version")
    gone = seen_by(Mode.KUBERNETES, Owner.LOCAL, {}, own(reason=SAME_VERSION))
    assert (status(gone), detail(gone)) == (
        "fallback",
        "the local image serves: the pod has gone, and no other has come yet",
    )


@pytest.mark.parametrize(
    ("fields", "pods", "said"),
    [
        ({"reason": "the pod's container ended"}, 2, "two pods claim it"),
        ({"reason": "there is no DaemonSet for snmp", "cluster": "there is no DaemonSet for snmp"}, 1, ""),
        ({"reason": "the pod is frozen at its gate", "cluster": "ErrImagePull"}, 1, "the pod is frozen at its gate"),
        ({"reason": "the pod settles at its gate"}, 1, ""),
        ({"reason": "two pods claim it"}, 1, "two pods claim it"),
        ({}, 1, ""),
    ],
)
def test_what_keeps_a_pod_at_its_gate(fields, pods, said) -> None:
    beside = detail(seen_by(Mode.KUBERNETES, Owner.LOCAL, {"system_state": "up"}, own(**fields), pods=pods))
    assert beside == f"the local image serves: {said or 'a pod is on its way'}"
    alone = detail(seen_by(Mode.KUBERNETES, Owner.NONE, {"system_state": "up"}, own(**fields), pods=pods))
    assert alone == f"a pod is at its gate: {said or 'about to take over'}"


def test_a_pod_that_settles_says_when_it_takes_over() -> None:
    noted = own(reason="the pod's container ended", fell=uptime() - 10, settle=60)
    said = detail(seen_by(Mode.KUBERNETES, Owner.LOCAL, {"system_state": "up"}, noted, pods=1))
    expected = {time.strftime("%H:%M:%S", time.localtime(time.time() + 50 - late)) for late in (0, 1, 2)}
    because = "for the pod's container ended"
    assert said in {f"the local image serves: settling: takes over at {moment}, {because}" for moment in expected}
    over = detail(seen_by(Mode.KUBERNETES, Owner.LOCAL, {"system_state": "up"}, noted | {"boot": "another"}, pods=1))
    assert "settling" not in over


def test_on_its_way_to_a_pod_run_by_nobody_is_not_running() -> None:
    found = report(seen_by(Mode.KUBERNETES, Owner.NONE, {"system_state": "up"}, pods=1))
    assert (found.status, running(found)) == ("handover", False)
    home = report(seen_by(Mode.LEGACY, Owner.KUBE, {"system_state": "up"}))
    assert (home.status, running(home)) == ("handover", True)


def test_a_pod_that_serves_beside_another_that_claims_the_feature_says_so() -> None:
    assert detail(seen_by(Mode.KUBERNETES, Owner.KUBE, {}, own(reason=TWO_PODS), pods=1)) == TWO_PODS
    # Whatever else is noted was why it did not run.
    assert detail(seen_by(Mode.KUBERNETES, Owner.KUBE, {}, own(reason="the pod was told to end"))) == ""


def test_a_pod_with_nothing_to_fall_back_on_says_so() -> None:
    found = seen_by(Mode.KUBERNETES, Owner.KUBE, {})
    assert detail(found) == ""
    assert "nothing here could take over" in detail(found._replace(bare=True))
