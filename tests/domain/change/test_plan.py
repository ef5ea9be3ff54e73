"""Plans to read: what each verb does in the states an operator meets. The whole space is in tests/model."""

from __future__ import annotations

import pytest

from system_service.domain.change.actions import Kind
from system_service.domain.change.plan import Request, Verb, plan
from system_service.errors import Failed, Refused, Unreachable
from system_service.model.feature import Feature, Mode
from system_service.model.snapshot import FeatureState, Host, Snapshot
from tests.model.world import Inst, World, seen, snapshot


def steps(
    verb: Verb,
    phase: str,
    run: str,
    *,
    state: str = "enabled",
    file: str = "static",
    featured: bool = False,
    again=False,
):
    shown = snapshot(World(state, featured, (Inst(phase, 0, file, run),)))
    request = Request(verb).followup() if again else Request(verb)
    return [str(action) for action in plan(shown, shown.features[0], request).actions]


def mode(feature: Feature, wanted: Mode, fallback: bool | None = None):
    shown = FeatureState(feature, (seen(Inst("A", 0, "static", "running")),))
    return plan(Snapshot(Host(True), (shown,)), shown, Request(Verb.MODE, wanted, fallback))


START = ["forget earlier failures of snmp.service", "start snmp.service", "wait until container snmp is running"]
RESTART = ["forget earlier failures of snmp.service", "restart snmp.service", "wait until container snmp is running"]


def test_start_goes_through_the_unit_and_spares_its_start_limit():
    assert steps(Verb.START, "I", "exited") == START
    assert steps(Verb.START, "FL", "exited") == START


def test_running_feature_is_left_alone():
    assert steps(Verb.START, "A", "running") == []
    assert steps(Verb.ENABLE, "A", "running") == []


def test_active_unit_whose_container_is_gone_is_not_believed():
    assert steps(Verb.START, "F", "exited") == RESTART


def test_unit_in_its_pause_is_restarted_and_does_not_sit_it_out():
    assert steps(Verb.START, "R", "exited") == RESTART


def test_paused_container_is_thawed():
    assert steps(Verb.START, "A", "paused") == ["unpause container snmp", "wait until container snmp is running"]


def test_feature_without_unit_is_started_in_the_engine():
    for phase in ("none", "nosys"):
        assert steps(Verb.START, phase, "exited") == ["start container snmp", "wait until container snmp is running"]


def test_start_without_unit_and_container_fails_with_a_next_step():
    with pytest.raises(Failed, match="no container snmp and no unit") as caught:
        steps(Verb.START, "none", "absent")
    assert caught.value.resolution


@pytest.mark.parametrize("verb", [Verb.START, Verb.RESTART])
@pytest.mark.parametrize("case", [{"state": "disabled"}, {"state": "always_disabled"}, {"file": "masked"}])
def test_disabled_or_masked_feature_is_not_started(verb, case):
    with pytest.raises(Refused, match=r"disabled|masked") as caught:
        steps(verb, "I", "exited", **case)
    assert caught.value.resolution == "system service enable snmp"


def test_stop_waits_out_a_start_so_that_no_container_is_orphaned():
    assert steps(Verb.STOP, "P", "running") == [
        "wait until snmp.service has settled",
        "stop snmp.service",
        "stop container snmp",
        "wait until container snmp has stopped",
    ]


def test_stop_of_a_unit_in_its_pause_takes_the_container_it_left_behind():
    assert steps(Verb.STOP, "R", "running") == [
        "stop snmp.service",
        "stop container snmp",
        "wait until container snmp has stopped",
    ]


def test_stop_leaves_the_container_to_an_active_unit():
    assert steps(Verb.STOP, "A", "running") == ["stop snmp.service"]


def test_stop_of_a_stopped_feature_does_nothing():
    assert steps(Verb.STOP, "I", "exited") == []


def test_orphan_is_stopped_in_the_engine():
    assert steps(Verb.STOP, "I", "running")[0] == "stop container snmp"


@pytest.mark.parametrize("run", ["running", "paused", "restarting"])
def test_restart_restarts_whatever_is_live(run):
    assert steps(Verb.RESTART, "A", run) == RESTART


def test_enable_does_what_featured_would():
    assert steps(Verb.ENABLE, "I", "exited", state="disabled", file="masked") == [
        "write state=enabled to CONFIG_DB FEATURE|snmp",
        "unmask snmp.service",
        "enable snmp.service",
        *START,
    ]


def test_disable_does_what_featured_would():
    assert steps(Verb.DISABLE, "A", "running", file="enabled") == [
        "write state=disabled to CONFIG_DB FEATURE|snmp",
        "stop snmp.service",
        "disable snmp.service",
        "mask snmp.service",
    ]


def test_where_featured_runs_the_intent_is_written_and_featured_let_act():
    assert steps(Verb.ENABLE, "I", "exited", state="disabled", file="masked", featured=True) == [
        "forget earlier failures of snmp.service",
        "write state=enabled to CONFIG_DB FEATURE|snmp",
        "let featured act on state=enabled of snmp",
    ]
    assert steps(Verb.DISABLE, "A", "running", featured=True) == [
        "write state=disabled to CONFIG_DB FEATURE|snmp",
        "let featured act on state=disabled of snmp",
    ]


def test_enable_given_again_before_featured_has_unmasked_lets_it_act():
    assert steps(Verb.ENABLE, "I", "exited", file="masked", featured=True) == [
        "let featured act on state=enabled of snmp"
    ]


def test_what_featured_has_left_is_done_by_us():
    assert steps(Verb.ENABLE, "I", "exited", file="masked", featured=True, again=True) == [
        "unmask snmp.service",
        "enable snmp.service",
        *START,
    ]
    assert steps(Verb.DISABLE, "A", "running", state="disabled", featured=True, again=True) == [
        "stop snmp.service",
        "mask snmp.service",
    ]


@pytest.mark.parametrize(("verb", "file"), [(Verb.ENABLE, "enabled"), (Verb.DISABLE, "disabled")])
def test_featured_does_nothing_where_it_counts_as_done_so_we_do(verb, file):
    state = "enabled" if verb is Verb.ENABLE else "disabled"
    with_featured = steps(verb, "I", "running", state=state, file=file, featured=True)
    assert with_featured == steps(verb, "I", "running", state=state, file=file)


@pytest.mark.parametrize("name", ["telemetry", "Telemetry", "frr_bmp"])
@pytest.mark.parametrize("verb", [Verb.ENABLE, Verb.DISABLE])
def test_what_featured_excludes_is_ours(name, verb):
    shown = snapshot(World("disabled" if verb is Verb.ENABLE else "enabled", True, (Inst("I", 0, "static", "exited"),)))
    feature = shown.features[0]._replace(spec=shown.features[0].spec._replace(name=name))
    kinds = [action.kind for action in plan(shown, feature, Request(verb)).actions]
    assert Kind.AWAIT_FEATURED not in kinds
    assert (Kind.START_UNIT if verb is Verb.ENABLE else Kind.MASK) in kinds


def test_featured_does_nothing_for_a_feature_without_unit_so_we_do():
    assert steps(Verb.DISABLE, "none", "running", featured=True)[1] == "stop container snmp"


def test_rules_of_the_switch_stand():
    with pytest.raises(Refused, match="always_enabled"):
        steps(Verb.DISABLE, "A", "running", state="always_enabled")
    with pytest.raises(Refused, match="always_disabled"):
        steps(Verb.ENABLE, "I", "exited", state="always_disabled")


def test_legacy_writes_nothing_on_an_image_without_kubernetes():
    assert mode(Feature("snmp"), Mode.LEGACY, False).actions == ()


def test_kubernetes_without_cluster_writes_the_intent_and_says_what_serves():
    planned = mode(Feature("snmp", knows_owner=True), Mode.KUBERNETES)
    assert [str(a) for a in planned.actions] == ["write set_owner=kube to CONFIG_DB FEATURE|snmp"]
    assert isinstance(planned.verdict, Unreachable)
    assert planned.verdict.resolution == "config kubernetes server ip ADDRESS"


@pytest.mark.parametrize("option", [None, False])
def test_kubernetes_without_cluster_and_fallback_is_refused(option):
    with pytest.raises(Refused, match="no fallback"):
        mode(Feature("snmp", knows_owner=True, fallback=False), Mode.KUBERNETES, option)


def test_fallback_asked_for_is_the_absence_of_the_field():
    planned = mode(Feature("snmp", knows_owner=True, fallback=False), Mode.LEGACY, True)
    assert [dict(action.fields) for action in planned.actions] == [{"no_fallback_to_local": None}]


def test_feature_without_gate_does_not_move():
    with pytest.raises(Refused, match="no start-up gate"):
        mode(Feature("bgp", knows_owner=True), Mode.KUBERNETES)
