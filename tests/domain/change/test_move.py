"""Changes of mode with a cluster: one write a feature, one patch of labels, and only then watching."""

from __future__ import annotations

import os
import sys

import pytest

from system_service.domain.change.labels import record_desired, send, set_desired
from system_service.domain.change.operate import Ask, operate
from system_service.domain.change.plan import Request, Verb
from system_service.domain.status.observe import observe
from system_service.domain.status.report import detail
from system_service.errors import Busy, Failed, Refused, TimedOut, UnknownNode, Unreachable
from system_service.model.feature import Mode
from system_service.model.handover_reasons import SAME_VERSION
from system_service.model.pods import pod_labels
from tests.fakes import systemctl as fake
from tests.fakes.api_server import Failure, daemonset
from tests.support.systemd import Spec

SERVER = {"ip": "10.0.0.1", "port": "6443", "disable": "False", "insecure": "False"}
PATCH = ("PATCH", "/api/v1/nodes/sonic")
NAMES = ("snmp", "lldp", "pmon")


@pytest.fixture
def joined(fakes, api, pki, tmp_path, monkeypatch, asker):
    """Three features under their units, a cluster that answers, and nobody who hands anything over."""
    fakes.systemd(**{name: Spec() for name in NAMES})
    for name in NAMES:
        fakes.feature(name)
        with fake.opened(fakes.units.state) as state:
            state["units"][f"{name}.service"].update(active="active", sub="running")
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", SERVER)
    (tmp_path / "kubeconfig").write_text(pki.kubeconfig("admin", api.url))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("SYSTEM_SERVICE_NODE_NAME", "sonic")
    return fakes


def move(fakes, *names, mode=Mode.KUBERNETES, fallback=None, timeout=20.0, wait=True, dry_run=False, tell=None):
    request = Request(Verb.MODE, mode, fallback)
    ask = Ask("config feature mode", names, request, timeout, wait, dry_run, tell or (lambda sentence: None))
    return operate(fakes.switch(), ask)


def away(fakes, *names):
    """Kubernetes is wanted for them in CONFIG_DB, as any command may have written it."""
    for name in names:
        fakes.put("CONFIG_DB", f"FEATURE|{name}", {"state": "enabled", "set_owner": "kube"})


def pod(fakes, name):
    """A running container of the feature's pod, at its gate as far as anybody can tell."""
    labels = dict(label.split("=", 1) for label in pod_labels(name))
    return fakes.docker.create(f"k8s_{name}", start=True, labels=labels, image="snmp:v2")


def own(fakes, name):
    return fakes.redis.row(6, f"SYSTEM_SERVICE|{name}") or {}


def test_several_features_are_one_patch_and_a_write_each(joined, api):
    result = move(joined, *NAMES, wait=False)
    assert (result.error, [r.changed for r in result.reports]) == (None, [True, True, True])
    assert api.calls[PATCH] == 1
    assert {name: api.labels[f"{name}_enabled"] for name in NAMES} == dict.fromkeys(NAMES, "true")
    assert all(joined.row(name)["set_owner"] == "kube" and own(joined, name)["label"] == "true" for name in NAMES)


def test_nothing_is_asked_twice(joined, api):
    move(joined, "snmp", wait=False)
    api.calls.clear()
    assert move(joined, "snmp", wait=False).changed is False
    assert api.calls[PATCH] == 0


def test_a_pod_that_does_not_come_is_a_timeout_that_says_why(joined, api):
    api.put("/apis/apps/v1/namespaces/sonic/daemonsets", daemonset("snmp", "snmp"))
    result = move(joined, "snmp", timeout=3.0)
    assert isinstance(result.error, TimedOut)
    assert "the DaemonSet has no pod on this node" in str(result.error)
    assert own(joined, "snmp")["reason"] == "the DaemonSet has no pod on this node"
    assert result.reports[0].status == "fallback"


def test_one_refused_does_not_hold_up_the_other(joined, api):
    joined.feature("bgp")
    result = move(joined, "bgp", "snmp", wait=False)
    assert isinstance(result.error, Refused)
    assert [r.changed for r in result.reports] == [False, True]
    assert (joined.row("bgp")["set_owner"], api.labels.get("bgp_enabled")) == ("local", None)


def test_a_newer_intent_ends_the_older_watch(joined):
    def tell(sentence):
        if "set snmp_enabled" in sentence:
            joined.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "local"})

    result = move(joined, "snmp", timeout=20, tell=tell)
    assert isinstance(result.error, Busy)


@pytest.mark.parametrize(
    "failure", [Failure(status=500, body=b"oops"), Failure(status=401, body=b"{}"), Failure("cut")]
)
def test_a_cluster_that_cannot_be_used(joined, api, failure):
    api.failure = failure
    without = move(joined, "snmp", fallback=False)
    assert isinstance(without.error, Refused)
    assert joined.row("snmp")["set_owner"] == "local"
    falls = move(joined, "snmp")
    assert isinstance(falls.error, Unreachable)
    assert joined.row("snmp")["set_owner"] == "kube"
    assert falls.error.resolution


def test_without_the_client_installed_the_extra_is_named(joined, monkeypatch):
    for name in [name for name in sys.modules if name.split(".")[0] == "kubernetes"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "kubernetes", None)
    result = move(joined, "snmp")
    assert isinstance(result.error, Unreachable)
    assert "client is not installed" in str(result.error)
    assert result.error.resolution == "pip install kubernetes pyyaml"
    monkeypatch.undo()


def test_a_dry_run_shows_the_plan_and_changes_nothing(joined, api):
    result = move(joined, "snmp", dry_run=True)
    assert result.reports[0].plan == (
        "write set_owner=kube to CONFIG_DB FEATURE|snmp",
        "set snmp_enabled=true on this switch's node",
        "wait until a pod runs snmp",
    )
    assert (joined.row("snmp")["set_owner"], api.calls[PATCH]) == ("local", 0)


def test_home_again_drops_the_label_and_does_not_need_the_api_server(joined, api):
    move(joined, "snmp", wait=False)
    api.failure = Failure(status=503, body=b"{}")
    home = move(joined, "snmp", mode=Mode.LEGACY)
    assert (home.error, home.changed) == (None, True)
    assert (own(joined, "snmp")["want"], own(joined, "snmp")["label"]) == ("false", "true")
    api.failure = None
    assert send(joined.switch()).labels == {"snmp_enabled": None}
    assert "snmp_enabled" not in api.labels
    api.calls.clear()
    assert send(joined.switch()).labels == {}
    assert not api.calls


def test_a_feature_that_never_was_away_asks_nobody(joined, api):
    move(joined, "snmp", mode=Mode.LEGACY)
    assert not api.calls


def test_labels_of_several_features_go_in_one_patch(joined, api):
    switch = joined.switch()
    away(joined, *NAMES)
    assert [set_desired(switch.db, name, True) for name in NAMES] == [True, True, True]
    assert len(send(switch).labels) == 3
    assert api.calls[PATCH] == 1
    assert [set_desired(switch.db, name, True) for name in NAMES] == [False, False, False]


def test_no_label_is_sent_while_no_server_is_set(joined, api):
    switch = joined.switch()
    away(joined, "snmp")
    set_desired(switch.db, "snmp", True)
    for server in ({**SERVER, "disable": "True"}, {**SERVER, "ip": ""}):
        joined.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", server)
        assert send(switch).labels == {}
        assert not api.calls
    joined.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", SERVER)
    assert send(switch).labels == {"snmp_enabled": "true"}


def test_coming_home_from_a_disabled_server_asks_nobody_and_is_sent_later(joined, api):
    move(joined, "snmp", wait=False)
    joined.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {**SERVER, "disable": "True"})
    api.calls.clear()
    assert move(joined, "snmp", mode=Mode.LEGACY).error is None
    assert (own(joined, "snmp")["want"], own(joined, "snmp")["label"]) == ("false", "true")
    assert not api.calls


def test_what_is_wanted_while_a_label_is_sent_is_sent_next(joined, api, mocker):
    switch = joined.switch()
    away(joined, "snmp")
    set_desired(switch.db, "snmp", True)
    cluster = switch.cluster()
    mocker.patch.object(type(switch), "cluster", return_value=cluster)
    mocker.patch.object(cluster, "label", side_effect=lambda labels: set_desired(switch.db, "snmp", False))
    assert send(switch).labels == {"snmp_enabled": "true"}
    mocker.stopall()
    assert send(switch).labels == {"snmp_enabled": None}


def told(joined, tmp_path, *lines):
    """What these commands say, as processes that could ask the API server."""
    environment = {"KUBECONFIG": str(tmp_path / "kubeconfig"), "SYSTEM_SERVICE_NODE_NAME": "sonic"}
    return [joined.run(*line.split(), **environment) for line in lines]


BOOT = (
    "system service sync --boot",
    "system container start snmp",
    "system service sync",
    "system container stop snmp",
)
LOOKS = ("show feature mode", "show feature status", "system service status snmp", "system service explain snmp")


def test_a_boot_in_kubernetes_mode_asks_whether_the_label_is_there_as_long_as_no_pod_is(joined, api, tmp_path):
    """`system container` asks nobody far away, and neither does who looks."""
    move(joined, "snmp", "lldp", "pmon", wait=False)
    api.calls.clear()
    ran = told(joined, tmp_path, *BOOT, *LOOKS[:2])
    assert {code for code, _, _ in ran} == {0}, ran
    assert ran[2].out == "nothing to send\n"
    assert dict(api.calls) == {("GET", "/api/v1/nodes/sonic"): 1}
    assert own(joined, "snmp")["label"] == "true"
    for name in NAMES:
        pod(joined, name)
    told(joined, tmp_path, "system service sync")
    assert sum(api.calls.values()) == 1


def test_a_switch_without_a_server_never_does(joined, api, tmp_path):
    changes = ("config feature mode snmp legacy", "system service restart snmp", "system service disable snmp")
    joined.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {})
    told(joined, tmp_path, *BOOT, *LOOKS, *changes, "system service enable snmp")
    assert api.connections == 0
    assert joined.redis.row(6, "SYSTEM_SERVICE|snmp") is None


def test_a_switch_with_one_asks_once_for_what_nobody_has_noted(joined, api, tmp_path):
    """Redis was lost while kubernetes was wanted: legacy again, and the label is still there."""
    api.labels.update(snmp_enabled="true", lldp_enabled="false")
    for _ in range(2):
        ran = told(joined, tmp_path, "system service sync", *LOOKS)
        assert {code for code, _, _ in ran} == {0}, ran
    assert "snmp_enabled" not in api.labels
    assert dict(api.calls) == {("GET", "/api/v1/nodes/sonic"): 1, PATCH: 1}
    assert [own(joined, name)["label"] for name in NAMES] == ["false"] * 3


def test_what_nobody_has_noted_is_no_failure_as_long_as_nothing_speaks_for_it(joined, api, tmp_path):
    api.failure = Failure(status=503, body=b"{}")
    (ran,) = told(joined, tmp_path, "system service sync")
    assert (ran.code, ran.out) == (0, "nothing to send\n")
    pod(joined, "snmp")  # in legacy mode: whose label drew it here?
    (ran,) = told(joined, tmp_path, "system service sync")
    assert ran.code == 7


def test_legacy_again_drops_the_label_of_a_pod_that_is_seen(joined, api):
    api.labels["snmp_enabled"] = "true"
    pod(joined, "snmp")
    assert move(joined, "snmp", mode=Mode.LEGACY).error is None
    assert "snmp_enabled" not in api.labels
    assert own(joined, "snmp") == {"want": "false", "label": "false"}


def test_a_label_that_somebody_removed_is_sent_again(joined, api, tmp_path):
    move(joined, "snmp", wait=False)
    del api.labels["snmp_enabled"]
    (ran,) = told(joined, tmp_path, "system service sync")
    assert (ran.code, ran.out) == (0, "snmp_enabled: true\n")
    assert api.labels["snmp_enabled"] == "true"


def test_what_the_host_s_word_wants_is_sent(joined, api, tmp_path):
    """`config feature owner snmp kube` writes CONFIG_DB and nothing else."""
    away(joined, "snmp")
    (ran,) = told(joined, tmp_path, "system service sync")
    assert (ran.code, api.labels.get("snmp_enabled")) == (0, "true")
    move(joined, "lldp", wait=False)
    with fake.opened(joined.units.state) as state:  # stopped: `system service stop` has taken the label away
        state["units"]["lldp.service"].update(active="inactive", sub="dead")
    switch = joined.switch()
    set_desired(switch.db, "lldp", False)
    assert record_desired(switch, observe(switch, ("lldp",))) == []
    assert send(switch).labels == {"lldp_enabled": None}


@pytest.mark.parametrize("failure", [Failure("hang"), Failure(status=503, body=b"{}")])
def test_a_move_that_the_api_server_kept_from_its_label_is_sent_later(joined, api, failure):
    api.failure = failure
    assert isinstance(move(joined, "snmp", timeout=20).error, Unreachable)
    assert own(joined, "snmp")["want"] == "true"
    assert os.path.exists(os.path.join(joined.run_dir, "sync")), "the oneshot is asked to"
    api.failure = None
    assert send(joined.switch()).labels == {"snmp_enabled": "true"}


def test_what_an_outage_kept_back_is_one_request_afterwards(joined, api, tmp_path):
    """Nobody knows what the node has of the label; a fleet that asked first would be two requests each."""
    api.failure = Failure(status=503, body=b"{}")
    move(joined, *NAMES)
    assert [own(joined, name).get("label") for name in NAMES] == [None] * 3
    api.failure = None
    api.calls.clear()
    told(joined, tmp_path, "system service sync")
    assert (dict(api.calls), {api.labels[f"{name}_enabled"] for name in NAMES}) == ({PATCH: 1}, {"true"})
    api.failure = Failure(status=503, body=b"{}")
    move(joined, *NAMES, mode=Mode.LEGACY)
    api.failure = None
    api.calls.clear()
    told(joined, tmp_path, "system service sync")
    assert (dict(api.calls), [label for label in api.labels if label.endswith("_enabled")]) == ({PATCH: 1}, [])


def test_a_unit_that_is_started_while_the_intent_is_written_moves_all_the_same(joined, api, mocker):
    """Its start has read the old intent; the look before the write saw it down."""
    with fake.opened(joined.units.state) as state:
        state["units"]["snmp.service"].update(active="inactive", sub="dead")
    joined.docker.crash("snmp", 0)

    def tell(sentence):
        if sentence.startswith("snmp: write set_owner=kube"):
            with fake.opened(joined.units.state) as state:
                state["units"]["snmp.service"].update(active="activating", sub="start-pre")

    result = move(joined, "snmp", timeout=3.0, tell=tell)
    assert isinstance(result.error, TimedOut)
    assert (own(joined, "snmp")["want"], api.labels.get("snmp_enabled")) == ("true", "true")


@pytest.mark.parametrize("mode", list(Mode))
@pytest.mark.parametrize(
    ("unit", "row", "kind", "words"),
    [
        ({"active": "inactive", "sub": "dead"}, {}, Busy, "snmp was stopped meanwhile"),
        ({"active": "failed", "sub": "failed"}, {}, Failed, "snmp.service failed"),
        ({}, {"state": "disabled"}, Busy, "snmp was disabled meanwhile"),
    ],
)
def test_a_feature_that_somebody_puts_an_end_to_is_waited_for_no_longer(joined, api, mode, unit, row, kind, words):
    if mode is Mode.LEGACY:
        away(joined, "snmp")
        joined.docker.crash("snmp", 0)
        pod(joined, "snmp")

    def tell(sentence):
        if sentence.startswith("snmp: wait until"):
            with fake.opened(joined.units.state) as state:
                state["units"]["snmp.service"].update(**unit)
            joined.put("CONFIG_DB", "FEATURE|snmp", joined.row("snmp") | row)

    result = move(joined, "snmp", mode=mode, timeout=20, tell=tell)
    assert isinstance(result.error, kind)
    assert str(result.error).startswith(words)


def test_the_local_image_s_own_version_is_no_reason_to_wait(joined, api):
    pod(joined, "snmp")

    def tell(sentence):
        if sentence.startswith("snmp: wait until"):
            joined.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"reason": SAME_VERSION})

    result = move(joined, "snmp", timeout=20, tell=tell)
    assert (result.error, result.reports[0].status) == (None, "running")


def test_nobody_is_brought_home_where_no_local_container_could_be_made(joined, api, monkeypatch, tmp_path):
    monkeypatch.setenv("SYSTEM_SERVICE_SCRIPT_DIR", str(tmp_path))
    (tmp_path / "snmp.sh").write_text("docker create --name snmp docker-snmp:latest\n")
    away(joined, "snmp")
    made = pod(joined, "snmp")
    joined.serves(made)
    joined.docker.remove(joined.docker.get("snmp"), force=True)
    joined.docker.images.discard("docker-snmp:latest")
    result = move(joined, "snmp", mode=Mode.LEGACY)
    assert isinstance(result.error, Refused)
    assert str(result.error) == "snmp cannot run in legacy mode: there is no image of it on this switch"
    assert (joined.row("snmp")["set_owner"], made.starts) == ("kube", 1)
    assert "nothing here could take over" in detail(observe(joined.switch(), ("snmp",)).features[0])
    joined.docker.images.add("docker-snmp:latest")  # the script would make a container of it
    assert move(joined, "snmp", mode=Mode.LEGACY, wait=False).error is None
    assert joined.row("snmp")["set_owner"] == "local"


@pytest.fixture
def cut_off(joined, api, mocker):
    """A command that ended between its patch and the note that it was taken."""
    mocker.patch("system_service.domain.change.labels.set_acknowledged", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        move(joined, "snmp", wait=False)
    mocker.stopall()
    assert (api.labels["snmp_enabled"], own(joined, "snmp")) == ("true", {"want": "true", "label": "unknown"})
    api.calls.clear()
    return joined


def test_a_label_that_is_seen_is_noted(cut_off, api):
    again = move(cut_off, "snmp", wait=False)
    assert (again.changed, api.calls[PATCH]) == (False, 0)
    assert own(cut_off, "snmp") == {"want": "true", "label": "true"}


def test_a_label_that_may_have_been_taken_is_dropped(cut_off, api):
    assert move(cut_off, "snmp", mode=Mode.LEGACY).error is None
    assert "snmp_enabled" not in api.labels
    assert own(cut_off, "snmp") == {"want": "false", "label": "false"}


def test_a_label_that_may_have_been_taken_is_dropped_later(cut_off, api):
    api.failure = Failure(status=503, body=b"{}")
    assert move(cut_off, "snmp", mode=Mode.LEGACY).error is None
    api.failure = None
    assert send(cut_off.switch()).labels == {"snmp_enabled": None}
    assert "snmp_enabled" not in api.labels


def test_a_newer_wish_for_kubernetes_keeps_the_label_that_an_older_command_was_to_drop(joined, api):
    move(joined, "snmp", wait=False)

    def tell(sentence):
        if sentence.startswith("snmp: write set_owner=local"):
            return
        if "wait until the local container" in sentence or "remove" in sentence or "no snmp_enabled" in sentence:
            # The other command comes between this one's watch and its patch.
            assert move(joined, "snmp", wait=False).error is None

    move(joined, "snmp", mode=Mode.LEGACY, tell=tell)
    assert joined.row("snmp")["set_owner"] == "kube"
    assert (own(joined, "snmp")["want"], api.labels.get("snmp_enabled")) == ("true", "true")


def test_the_label_is_not_wanted_from_the_moment_legacy_is(joined, api, mocker):
    """Killed while it watches, or before: whoever sends next drops it."""
    move(joined, "snmp", wait=False)
    mocker.patch("system_service.domain.change.move.Move._watch", side_effect=KeyboardInterrupt)
    with pytest.raises(KeyboardInterrupt):
        move(joined, "snmp", mode=Mode.LEGACY)
    mocker.stopall()
    assert own(joined, "snmp")["want"] == "false"
    assert send(joined.switch()).labels == {"snmp_enabled": None}


def test_what_the_host_s_own_commands_wrote_counts(joined, api):
    move(joined, "snmp", "lldp", "pmon", wait=False)
    joined.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "local"})
    joined.put("CONFIG_DB", "FEATURE|lldp", {"state": "disabled", "set_owner": "kube"})
    joined.put("CONFIG_DB", "FEATURE|pmon", {})  # a reload says nothing
    assert send(joined.switch()).labels == {"snmp_enabled": None, "lldp_enabled": None}
    assert set(api.labels) & {"snmp_enabled", "lldp_enabled", "pmon_enabled"} == {"pmon_enabled"}


def test_a_backend_that_is_away_for_a_moment_does_not_end_the_watch(joined, api, mocker):
    seen = mocker.patch("system_service.domain.change.move.observe", side_effect=Unreachable("a reload", "wait"))
    lost = move(joined, "snmp", timeout=5.0)
    assert seen.call_count > 1
    assert (type(lost.error), str(lost.error)) == (Unreachable, "a reload")
    assert joined.row("snmp")["set_owner"] == "kube"
    mocker.stopall()
    looks = []

    def once(switch, names):
        looks.append(names)
        if len(looks) == 1:
            raise Unreachable("a reload", "wait")
        return observe(switch, names)

    mocker.patch("system_service.domain.change.move.observe", once)
    late = move(joined, "lldp", timeout=5.0)
    assert isinstance(late.error, TimedOut)
    assert len(looks) > 1


def test_a_feature_that_is_down_gets_the_intent_alone(joined, api):
    with fake.opened(joined.units.state) as state:
        state["units"]["snmp.service"].update(active="inactive", sub="dead")
    joined.docker.crash("snmp", 0)
    assert move(joined, "snmp").error is None
    assert (joined.row("snmp")["set_owner"], api.labels.get("snmp_enabled")) == ("kube", None)


def test_the_labels_of_a_node_that_is_gone_are_gone(joined, api):
    """A reset says: kubectl delete node."""
    move(joined, "snmp", "lldp", wait=False)
    db = joined.switch().db
    for name in ("snmp", "lldp"):
        joined.put("CONFIG_DB", f"FEATURE|{name}", {"state": "enabled", "set_owner": "local"})
        set_desired(db, name, False)
    api.objects["/api/v1/nodes"].clear()
    assert send(joined.switch()).labels == {"snmp_enabled": None, "lldp_enabled": None}
    assert send(joined.switch()).labels == {}
    # A label that a pod waits for is another matter.
    away(joined, "snmp")
    set_desired(db, "snmp", True)
    with pytest.raises(UnknownNode):
        send(joined.switch())


def test_an_image_of_which_docker_cannot_tell_keeps_nobody_from_looking(joined, monkeypatch, tmp_path):
    monkeypatch.setenv("SYSTEM_SERVICE_SCRIPT_DIR", str(tmp_path))
    (tmp_path / "snmp.sh").write_text("docker create --name snmp docker-snmp:latest\n")
    away(joined, "snmp")
    joined.docker.remove(joined.docker.get("snmp"), force=True)
    joined.docker.refuse("GET /images/", "layer does not exist", 500)
    found = {f.spec.name: f.bare for f in observe(joined.switch()).features}
    assert found == dict.fromkeys(NAMES, False)


def test_a_name_that_makes_no_label_is_refused_and_not_waited_for(joined, api):
    name = "a" * 56
    joined.feature(name)
    joined.docker.get(name).labels["sonic.startup-gate"] = "true"
    result = move(joined, name, wait=False)
    assert isinstance(result.error, Refused)
    assert "too long for a node's label" in str(result.error)
    assert joined.row(name)["set_owner"] == "local"
