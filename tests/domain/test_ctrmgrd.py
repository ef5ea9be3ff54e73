"""Where ctrmgrd is at work: it is found by its unit's file, labels are left to it, and its rows say what they are."""

from __future__ import annotations

import os

import pytest

from system_service.backends import ctrmgrd
from system_service.domain.change.labels import ask_node, record_desired, send, set_desired
from system_service.domain.container_script import ContainerScript
from system_service.domain.status.observe import observe
from system_service.model.feature import Mode
from tests.domain.change.test_move import joined, move
from tests.fakes import systemctl as fake

__all__ = ["joined"]

POD = {
    "io.kubernetes.container.name": "snmp",
    "io.kubernetes.docker.type": "container",
    "io.kubernetes.pod.namespace": "default",
}


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two of systemd's folders, the first wins."""
    made = [tmp_path / name for name in ("etc", "lib")]
    for folder in made:
        folder.mkdir()
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", ":".join(map(str, made)))
    return made


@pytest.fixture
def beside(joined, folders):
    """The joined switch, ctrmgrd installed."""
    (folders[1] / ctrmgrd.UNIT).write_text("[Service]\n")
    return joined


def labels(fakes):
    return fakes.redis.row(6, "KUBE_LABELS|SET") or {}


def own(fakes, name="snmp"):
    return {k: v for k, v in (fakes.redis.row(6, f"SYSTEM_SERVICE|{name}") or {}).items() if k in ("want", "label")}


def test_it_is_there_when_its_unit_is_installed_and_not_masked(folders):
    etc, lib = (folder / ctrmgrd.UNIT for folder in folders)
    assert ctrmgrd.present() is False
    lib.write_text("[Service]\n")
    assert ctrmgrd.present() is True
    etc.symlink_to("/dev/null")
    assert ctrmgrd.present() is False
    etc.unlink()
    etc.touch()  # an empty file is a mask too
    assert ctrmgrd.present() is False
    etc.unlink()
    etc.symlink_to(lib)
    assert ctrmgrd.present() is True
    lib.unlink()  # a link to nothing
    assert ctrmgrd.present() is False


def test_without_the_variable_it_looks_where_systemd_does(monkeypatch):
    asked = []

    def absent(path):
        asked.append(path)
        raise FileNotFoundError(path)

    monkeypatch.delenv("SYSTEMD_UNIT_PATH", raising=False)
    monkeypatch.setattr(os, "stat", absent)
    found = ctrmgrd.present()
    monkeypatch.undo()
    assert found is False
    assert asked[0] == "/etc/systemd/system/ctrmgrd.service"
    assert "/usr/lib/systemd/system/ctrmgrd.service" in asked


WANTED, UNWANTED = ({"want": word, "label": "unknown"} for word in ("true", "false"))
"""What is wanted; what ctrmgrd has sent of it is not known here."""


def test_a_change_of_mode_is_the_intent_alone(beside, api):
    shown = move(beside, "snmp", dry_run=True)
    assert shown.reports[0].plan == (
        "forget earlier failures of snmp.service",
        "write set_owner=kube to CONFIG_DB FEATURE|snmp",
        "wait until a pod runs snmp",
    )
    result = move(beside, "snmp", wait=False)
    assert (result.error, result.changed, beside.row("snmp")["set_owner"]) == (None, True, "kube")
    assert (own(beside), labels(beside)) == (WANTED, {})
    assert move(beside, "snmp", mode=Mode.LEGACY).error is None
    assert (own(beside), labels(beside), beside.row("snmp")["set_owner"]) == (WANTED, {}, "local")
    assert not api.calls


def test_the_unit_s_start_limit_is_forgotten_before_the_intent_is_written(beside):
    calls = []
    move(beside, "snmp", wait=False)
    calls = [call for call in beside.units.calls() if call[0] == "reset-failed"]
    assert calls == [["reset-failed", "snmp.service"]]


def test_a_unit_that_is_down_gets_its_label_dropped_by_us_through_its_row(beside, api):
    beside.put("STATE_DB", "KUBE_LABELS|SET", {"snmp_enabled": "true", "hwsku": "x"})
    beside.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    with fake.opened(beside.units.state) as state:
        state["units"]["snmp.service"].update(active="inactive", sub="dead")
    beside.docker.crash("snmp", 0)
    assert move(beside, "snmp", mode=Mode.LEGACY).error is None
    assert (labels(beside), own(beside)) == ({"snmp_enabled": "false", "hwsku": "x"}, UNWANTED)
    assert not api.calls


def test_a_stop_drops_the_label_when_the_unit_is_down_and_only_once(beside, asker, api):
    beside.put("STATE_DB", "KUBE_LABELS|SET", {"snmp_enabled": "true"})
    beside.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    plan = asker("stop", "snmp", dry_run=True).reports[0].plan
    assert plan[0] == "stop snmp.service"
    assert plan[-1] == "set no snmp_enabled on this switch's node"
    assert asker("stop", "snmp").changed is True
    assert (labels(beside), own(beside)) == ({"snmp_enabled": "false"}, UNWANTED)
    assert asker("stop", "snmp").changed is False
    assert not api.calls


def test_what_is_wanted_goes_to_its_row_and_what_is_there_is_not_written_again(beside, api):
    switch = beside.switch()
    both = {"snmp_enabled": "true", "lldp_enabled": "false"}  # `false` too is written where nothing was
    assert set_desired(switch.db, "snmp", True) is False
    assert set_desired(switch.db, "lldp", False) is False
    writes = len(beside.writes())
    assert set_desired(switch.db, "snmp", True) is False
    assert set_desired(switch.db, "lldp", False) is False
    assert (labels(beside), len(beside.writes())) == (both, writes)
    beside.put("STATE_DB", "SYSTEM_SERVICE|lldp", {"want": "true"})  # from before it was installed
    assert send(switch).labels == {}
    assert not api.calls


def test_the_snapshot_has_its_row(beside):
    beside.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "true", "label": "true", "settle": "60"})
    (seen,) = observe(beside.switch(), ("snmp",)).features
    assert (seen.own.want, seen.own.label, seen.own.row["settle"]) == ("false", "", "60")
    beside.put("STATE_DB", "KUBE_LABELS|SET", {"snmp_enabled": "true"})
    (seen,) = observe(beside.switch(), ("snmp",)).features
    assert (seen.own.want, seen.own.label, seen.own.row["settle"]) == ("true", "true", "60")


def test_a_unit_s_start_and_kill_ask_for_the_label_there(beside):
    beside.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    beside.docker.crash("snmp", 0)
    assert ContainerScript.open("snmp").start() is True
    assert (labels(beside), own(beside)) == ({"snmp_enabled": "true"}, WANTED)
    row = beside.row("snmp", "STATE_DB")
    assert (row["system_state"], row["current_owner"], row["remote_state"]) == ("up", "local", "none")
    ContainerScript.open("snmp").kill()
    assert (labels(beside), own(beside)) == ({"snmp_enabled": "false"}, UNWANTED)


def test_a_legacy_start_drops_the_label_of_a_pod_that_is_still_here(beside):
    beside.put("STATE_DB", "KUBE_LABELS|SET", {"snmp_enabled": "true"})
    beside.docker.crash("snmp", 0)
    pod = beside.docker.create("k8s_snmp_snmp-1_default_uid_0", labels=POD)
    pod.processes = [["7", "/usr/bin/python3 /usr/bin/container_startup.py"]]
    beside.docker.run(pod)
    assert ContainerScript.open("snmp").start() is True
    assert labels(beside)["snmp_enabled"] == "false"


def test_a_start_beside_a_pod_that_is_frozen_is_no_news_to_it(beside):
    """The pod is then restarted beside the local container; a gate that found nothing said would be a restart."""
    beside.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    beside.put("STATE_DB", "KUBE_LABELS|SET", {"snmp_local": "v2"})
    beside.docker.crash("snmp", 0)
    pod = beside.docker.create("k8s_snmp_snmp-1_default_uid_0", labels=POD, env=["IMAGE_VERSION=v2"])
    pod.processes = [["7", "/usr/bin/python3 /usr/bin/container_startup.py"]]
    beside.docker.run(pod)
    assert ContainerScript.open("snmp").start() is True
    assert beside.docker.get("snmp").state == "running"
    row = beside.row("snmp", "STATE_DB")
    assert (row["system_state"], row["current_owner"], row["remote_state"]) == ("up", "none", "pending")


def test_where_it_is_masked_what_it_sent_is_dropped_all_the_same(beside, api, folders):
    move(beside, "snmp", wait=False)
    api.labels["snmp_enabled"] = "true"  # by ctrmgrd
    (folders[0] / ctrmgrd.UNIT).symlink_to("/dev/null")
    assert move(beside, "snmp", mode=Mode.LEGACY).error is None
    assert "snmp_enabled" not in api.labels
    assert own(beside) == {"want": "false", "label": "false"}


def test_where_it_is_masked_a_label_that_is_meant_to_stay_does(beside, api, folders):
    """`systemctl stop` leaves the label where it is; what nobody has noted to be wanted would be dropped."""
    beside.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
    beside.docker.crash("snmp", 0)
    ContainerScript.open("snmp").start()
    api.labels["snmp_enabled"] = "true"  # by ctrmgrd
    with fake.opened(beside.units.state) as state:
        state["units"]["snmp.service"].update(active="inactive", sub="dead")
    (folders[0] / ctrmgrd.UNIT).symlink_to("/dev/null")
    switch = beside.switch()
    ask_node(switch, record_desired(switch, observe(switch, ("snmp",))))
    send(switch)
    assert api.labels["snmp_enabled"] == "true"
    assert own(beside) == {"want": "true", "label": "true"}
