"""Features that exist in Kubernetes only, over the wire fakes: installed, cut off after every step, and gone."""

from __future__ import annotations

import os

import pytest

from system_service.backends.unitfiles import UnitFiles, text
from system_service.domain.change.operate import Ask
from system_service.domain.change.plan import Request, Verb
from system_service.domain.kube_only import plan as site
from system_service.domain.kube_only.install import install, repair, uninstall
from system_service.domain.kube_only.plan import (
    installable,
    plan_install,
    plan_repair,
    survey,
    unit_name,
    valid_container,
)
from system_service.domain.status.explain import explain
from system_service.domain.status.observe import observe
from system_service.domain.status.report import report
from system_service.errors import Failed, NotPermitted, Refused, UnknownFeature, Unreachable
from tests.fakes import systemctl as fake
from tests.support.fakes import FakeSwitch
from tests.support.systemd import Spec

NAME = "probe"
ROW = {
    "state": "enabled",
    "auto_restart": "enabled",
    "set_owner": "kube",
    "no_fallback_to_local": "true",
    "has_global_scope": "True",
    "has_per_asic_scope": "False",
    "delayed": "False",
}


class Cut(Exception):
    """The command ends here, as by kill -9."""


@pytest.fixture
def booted(fakes, asker, monkeypatch):
    """A switch with systemd and one feature of its image."""
    fakes.systemd(snmp=Spec())
    fakes.feature("snmp")
    for name in ("PATH", "DOCKER_HOST", "SYSTEM_SERVICE_RUN_DIR"):
        monkeypatch.setenv(name, fakes.environment[name])
    monkeypatch.setenv("PATH", fakes.bin, prepend=os.pathsep)
    return fakes


def ask(*names: str, tell=lambda sentence: None, dry_run: bool = False, wait: bool = True) -> Ask:
    request = Request(Verb.MODE)
    return Ask("config feature install", names, request, 20, wait=wait, dry_run=dry_run, tell=tell)


def put(fakes: FakeSwitch, *after: str, **options):
    return install(fakes.switch(), ask(NAME, **options), after)


def take(fakes: FakeSwitch, **options):
    return uninstall(fakes.switch(), ask(NAME, **options))


def unit(fakes: FakeSwitch):
    name = f"{NAME}.service"
    return fakes.switch().units.show(name)[name]


def noted(fakes: FakeSwitch) -> dict[str, tuple[str, ...]]:
    """What is unfinished, as it stands where only root writes."""
    return fakes.switch().unit_files().unfinished()


def left(fakes: FakeSwitch) -> list[object]:
    folders = [
        name for folder in (fakes.unit_dir, fakes.admin_dir) if os.path.isdir(folder) for name in os.listdir(folder)
    ]
    rows = [fakes.row(NAME), fakes.row(NAME, "STATE_DB"), fakes.redis.row(6, f"SYSTEM_SERVICE|{NAME}")]
    return [*folders, *(row for row in rows if row is not None), *([unit(fakes)] if unit(fakes).exists else [])]


def stages(do) -> list[str]:
    said: list[str] = []
    do(tell=said.append)
    return said


def cut_at(stage: str, do) -> None:
    def tell(sentence: str) -> None:
        if sentence == stage:
            raise Cut

    with pytest.raises(Cut):
        do(tell=tell)


def installed(fakes: FakeSwitch) -> None:
    seen = unit(fakes)
    assert (seen.active.value, seen.file_state) == ("active", "enabled")
    assert fakes.row(NAME) == ROW
    assert noted(fakes) == {}


def test_installed_twice_and_gone(booted):
    first = put(booted, "swss.service")
    assert (first.error, first.changed) == (None, True)
    shown = first.reports[0]
    assert (shown.status, shown.detail.partition(" (")[0]) == (
        "pending",
        "pending deployment: no Kubernetes server is configured",
    )
    installed(booted)
    again = put(booted, "swss.service")
    assert (again.error, again.changed) == (None, False)
    assert put(booted).changed is True  # without the unit that it was to start after
    assert "swss" not in (booted.switch().unit_files().read(NAME) or "")
    gone = take(booted)
    assert (gone.error, gone.changed, left(booted)) == (None, True, [])
    assert isinstance(take(booted).error, UnknownFeature)


def test_leaves_that_the_image_knows_are_written(booted):
    booted.feature("snmp", "", high_mem_alert="disabled", has_per_dpu_scope="False")
    put(booted)
    assert booted.row(NAME) == {**ROW, "high_mem_alert": "disabled", "has_per_dpu_scope": "False"}


def test_every_namespace_has_the_row(booted):
    booted.asic("asic0")
    put(booted)
    assert booted.row(NAME, namespace="asic0") == ROW
    assert take(booted).error is None
    assert booted.row(NAME, namespace="asic0") is None
    with pytest.raises(Refused, match="container of feature swss"):
        plan_install(survey(booted.switch(), "swss0"))


def test_cut_off_anywhere_the_same_command_gets_there(booted):
    everything = stages(lambda tell: put(booted, tell=tell))
    assert len(everything) >= 6
    take(booted)
    for stage in everything:
        cut_at(stage, lambda tell: put(booted, tell=tell))
        assert put(booted).error is None
        installed(booted)
        assert take(booted).error is None
        assert left(booted) == []


def test_cut_off_anywhere_sync_gets_there(booted):
    everything = stages(lambda tell: put(booted, tell=tell))
    take(booted)
    for stage in everything:
        cut_at(stage, lambda tell: put(booted, "swss.service", tell=tell))
        (done,) = repair(booted.switch(), ask(wait=False))
        assert done.error is None
        installed(booted)
        assert "swss.service" in (booted.switch().unit_files().read(NAME) or "")
        assert repair(booted.switch(), ask()) == ()
        take(booted)


@pytest.mark.parametrize("by_sync", [False, True])
def test_an_uninstall_cut_off_anywhere_is_completed(booted, by_sync):
    put(booted)
    everything = stages(lambda tell: take(booted, tell=tell))
    assert len(everything) >= 7
    for stage in everything:
        put(booted)
        cut_at(stage, lambda tell: take(booted, tell=tell))
        done = repair(booted.switch(), ask()) if by_sync else take(booted).reports
        assert [one.error for one in done] == [None]
        assert left(booted) == []


def test_an_uninstall_that_its_own_command_has_finished_is_no_failure_of_sync(booted, monkeypatch):
    """Sync has read that there is something to finish, and when it has the lock there is not."""
    put(booted)
    cut_at(f"{NAME}: remove the unit {NAME}.service", lambda tell: take(booted, tell=tell))
    before = [noted(booted)]
    assert before == [{NAME: ("uninstall",)}]
    take(booted)
    assert noted(booted) == {}
    monkeypatch.setattr(UnitFiles, "unfinished", lambda files: before.pop() if before else {})
    assert repair(booted.switch(), ask(wait=False)) == ()
    assert left(booted) == []


def test_installing_again_takes_an_uninstall_back(booted):
    put(booted)
    cut_at(f"{NAME}: remove the unit {NAME}.service", lambda tell: take(booted, tell=tell))
    assert (booted.row(NAME) or {})["state"] == "disabled"
    assert put(booted).error is None
    installed(booted)


def test_a_dry_run_shows_every_step_and_takes_none(booted):
    booted.reset()
    shown = put(booted, dry_run=True)
    assert shown.reports[0].plan[:2] == (
        f"write the unit {NAME}.service",
        f"have systemd read the unit {NAME}.service anew",
    )
    assert (shown.changed, booted.writes(), left(booted)) == (True, [], [])
    said = stages(lambda tell: put(booted, tell=tell))
    assert said == [f"{NAME}: {step}" for step in shown.reports[0].plan]
    shown = take(booted, dry_run=True)
    installed(booted)
    said = stages(lambda tell: take(booted, tell=tell))
    steps = [f"{NAME}: {step}" for step in shown.reports[0].plan]
    assert said == [step for step in steps if "_enabled" not in step or step in said]


@pytest.mark.parametrize("name", ["snmp", "alone", "bare"])
def test_what_the_switch_has_is_refused(booted, name):
    booted.container("alone")
    booted.put("CONFIG_DB", "FEATURE|bare", {"state": "disabled"})
    switch = booted.switch()
    booted.reset()
    refused = install(switch, ask(name))
    assert isinstance(refused.error, Refused)
    assert refused.error.resolution
    if name != "alone":
        assert isinstance(uninstall(switch, ask(name)).error, Refused)
    assert booted.writes() == []


def test_without_systemd_or_root_nothing_is_done(fakes, asker, monkeypatch):
    fakes.feature("snmp")
    assert isinstance(put(fakes).error, Refused)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    for do in (put, take):
        with pytest.raises(NotPermitted):
            do(fakes)
    assert fakes.writes() == []


def test_always_enabled_is_not_uninstalled(booted):
    put(booted)
    booted.put("CONFIG_DB", f"FEATURE|{NAME}", {**ROW, "state": "always_enabled"})
    assert isinstance(take(booted).error, Refused)
    assert unit(booted).active.value == "active"
    assert noted(booted) == {}


@pytest.mark.parametrize("namespace", ["", "elsewhere"])
def test_explain_names_the_namespace_of_its_pods(booted, monkeypatch, namespace):
    monkeypatch.setenv("SYSTEM_SERVICE_POD_NAMESPACE", namespace)
    put(booted)
    (line,) = explain(booted.switch(), NAME).next
    assert f"kubectl --namespace {namespace or 'sonic'} get pods;" in line


def test_with_a_cluster_that_is_no_more_there_is_a_way_out(booted, monkeypatch):
    monkeypatch.setenv("KUBECONFIG", os.path.join(booted.folder, "none.conf"))
    server = {"ip": "10.0.0.1", "disable": "False"}
    booted.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", server)
    put(booted)
    stuck = take(booted).error
    assert isinstance(stuck, Unreachable)
    assert "config kubernetes server disable on, then config feature uninstall probe" in stuck.resolution
    assert (booted.row(NAME) or {})["state"] == "disabled"
    booted.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {**server, "disable": "True"})
    assert take(booted).error is None
    assert left(booted) == []


class TestRepair:
    def test_a_unit_that_an_upgrade_lost(self, booted, asker):
        booted.put("CONFIG_DB", f"FEATURE|{NAME}", ROW)
        seen = observe(booted.switch(), (NAME,)).features[0]
        assert seen.kube_only
        assert report(seen).detail == f"{NAME}.service is missing: system service sync"
        assert isinstance(asker("start", NAME).error, Failed)
        (done,) = repair(booted.switch(), ask(wait=False))
        assert (done.error, done.changed) == (None, True)
        installed(booted)

    def test_a_disabled_one_is_not_started(self, booted):
        booted.put("CONFIG_DB", f"FEATURE|{NAME}", {**ROW, "state": "disabled"})
        repair(booted.switch(), ask(wait=False))
        assert (unit(booted).file_state, unit(booted).active.value) == ("disabled", "inactive")
        assert repair(booted.switch(), ask()) == ()

    @pytest.mark.parametrize("fields", [{"set_owner": "local"}, {"no_fallback_to_local": "false"}])
    def test_a_row_changed_by_hand_stays_as_it_is(self, booted, fields):
        put(booted)
        booted.put("CONFIG_DB", f"FEATURE|{NAME}", {**ROW, **fields})
        assert repair(booted.switch(), ask()) == ()
        assert booted.row(NAME) == {**ROW, **fields}
        put(booted)
        assert booted.row(NAME) == ROW

    def test_a_stopped_one_stays_stopped(self, booted, asker):
        put(booted)
        asker("stop", NAME)
        assert repair(booted.switch(), ask()) == ()
        assert unit(booted).active.value == "inactive"

    def test_features_of_the_image_are_none_of_its_business(self, booted):
        booted.feature("snmp", "", set_owner="kube", no_fallback_to_local="true")
        assert plan_repair(survey(booted.switch(), "snmp")).actions == ()
        assert repair(booted.switch(), ask()) == ()

    @pytest.mark.parametrize(
        "row",
        [
            {"todo": "install"},
            {"todo": "install swss.service emergency.target"},
            {"todo": "uninstall"},
            {"todo": "install", "want": "true", "label": "false"},
        ],
    )
    def test_what_redis_says_is_unfinished_is_nothing_to_do(self, booted, row):
        """Every container of the switch may write there, and what is done here is done by root."""
        put(booted)
        for name in ("evil", "Evil_2.x", "multi-user", "snmp", NAME):
            booted.put("STATE_DB", f"SYSTEM_SERVICE|{name}", row)
        before = (sorted(os.listdir(booted.unit_dir)), booted.row(NAME), unit(booted))
        assert repair(booted.switch(), ask(wait=False)) == ()
        assert (sorted(os.listdir(booted.unit_dir)), booted.row(NAME), unit(booted)) == before
        assert booted.row("evil") is None
        assert "being uninstalled" not in report(observe(booted.switch(), (NAME,)).features[0]).detail

    @pytest.mark.parametrize("name", ["Evil_2.x", "a" * 33, "snmp", "bare"])
    def test_what_the_command_refuses_is_refused_once_and_then_forgotten(self, booted, name):
        booted.put("CONFIG_DB", "FEATURE|bare", {"state": "disabled"})
        files = booted.switch().unit_files()
        for words in (("install",), ("uninstall",), ("install", "a%n.service", "../x"), ("dance",), ()):
            files.note(name, words)
            assert noted(booted) == {name: words}
            for one in repair(booted.switch(), ask(wait=False)):
                assert isinstance(one.error, (Refused, UnknownFeature)), one
            assert (noted(booted), files.read(name)) == ({}, None)
            assert repair(booted.switch(), ask(wait=False)) == ()
        assert booted.row("snmp")["state"] == "enabled"

    def test_more_than_a_switch_can_hold_are_neither_installed_nor_made_anew(self, booted):
        files = booted.switch().unit_files()
        for number in range(site.MOST):
            files.write(f"other{number}", text(f"other{number}"))
        refused = put(booted).error
        assert isinstance(refused, Refused)
        assert f"{site.MOST} features of Kubernetes only here" in str(refused)
        booted.put("CONFIG_DB", f"FEATURE|{NAME}", ROW)  # as if an upgrade had lost its unit
        assert repair(booted.switch(), ask(wait=False)) == ()
        files.remove("other0")
        assert [one.error for one in repair(booted.switch(), ask(wait=False))] == [None]
        installed(booted)

    def test_a_row_with_a_name_that_no_command_takes_gets_no_unit(self, booted):
        for name in ("a" * 33, "Evil"):
            booted.put("CONFIG_DB", f"FEATURE|{name}", ROW)
        assert repair(booted.switch(), ask(wait=False)) == ()
        assert left(booted) == []


def test_in_the_middle_of_being_uninstalled_it_is_not_started(booted, asker):
    put(booted)
    cut_at(f"{NAME}: write state=disabled to CONFIG_DB FEATURE|{NAME}", lambda tell: take(booted, tell=tell))
    for verb in ("start", "enable", "restart"):
        error = asker(verb, NAME).error
        assert isinstance(error, Refused)
        assert "being uninstalled" in str(error)
    assert "being uninstalled" in report(observe(booted.switch(), (NAME,)).features[0]).detail


def test_featured_is_let_finish_before_its_unit_goes(fakes, asker):
    fakes.systemd(featured=Spec())
    fakes.feature("snmp")
    with fake.opened(fakes.units.state) as state:
        state["units"]["featured.service"].update(active="active", sub="running")
    put(fakes)

    def tell(sentence: str) -> None:
        if "stop" in sentence:  # what featured does at that moment
            with fake.opened(fakes.units.state) as state:
                state["units"][f"{NAME}.service"]["masked"] = True

    assert take(fakes, tell=tell).error is None
    assert left(fakes) == []


def test_names():
    assert installable("a" * 32)
    assert not any(map(installable, ("a" * 33, "a_b", "")))
    assert all(map(valid_container, ("probe", "a", "x" * 63, "a-1")))
    assert not any(map(valid_container, ("", "A", "a_b", "a.b", "-a", "a-", "x" * 64, "a\n")))
    assert [unit_name(w) for w in ("swss", "swss.service", "swss@0.service", "sonic.target")] == [
        "swss.service",
        "swss.service",
        "swss@0.service",
        "sonic.target",
    ]
    assert not any(map(unit_name, ("", "a b", "%n", "a%i.service", "a\n.service", "../a", "a.b", "-a.service", "é")))
