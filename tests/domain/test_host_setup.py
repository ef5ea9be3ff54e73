"""What `system host` places, enables and takes back: over the wire fakes, cut off after every step, twice, refused."""

from __future__ import annotations

import os
import shutil
import subprocess
import time

import pytest

from system_service.backends.programs import Program
from system_service.domain import host_setup as host
from system_service.domain.command_lock import command_lock
from system_service.domain.host_setup import ASKED, GATES, SENDS, UNITS, Place, Step
from system_service.errors import Busy, Failed, NotPermitted, Refused, Unreachable
from system_service.model.pods import pod_labels
from tests.fakes import systemctl as fake
from tests.support.systemd import Spec

HOSTS = {"container": "the host's\n", "container_checker": "its monit's\n"}
INSTALL, UNINSTALL = "system host install", "system host uninstall"
POD = dict(word.split("=", 1) for word in pod_labels("snmp"))
ROW = {"set_owner": "kube", "no_fallback_to_local": "true"}


class Cut(Exception):
    """The command ends here, as by kill -9."""


@pytest.fixture
def booted(fakes, asker, monkeypatch):
    """A switch with systemd, one feature, and programs of its own."""
    fakes.systemd(snmp=Spec())
    fakes.feature("snmp")
    monkeypatch.setenv("PATH", fakes.bin, prepend=os.pathsep)
    made = f"install -d -m 2770 -o root -g docker {fakes.run_dir} && chgrp -R docker {fakes.run_dir}"
    fakes.program("systemd-tmpfiles", ["sh", "-c", f'[ "$2" = sonic-system-service.conf ] && {made}', "x"])
    os.mkdir(bin_(fakes))
    for name, text in HOSTS.items():
        with open(os.path.join(bin_(fakes), name), "w", encoding="utf-8") as file:
            file.write(text)
    return fakes


def bin_(fakes) -> str:
    return os.path.join(fakes.folder, "host")


def place(fakes) -> Place:
    programs = (
        Program(os.path.join(bin_(fakes), "container"), "container"),
        Program(os.path.join(bin_(fakes), "container_checker"), "service check", optional=True),
    )
    return Place("/opt/system", programs, fakes.switch().units, fakes.run_dir, fakes.unit_dir, fakes.admin_dir)


def found(fakes) -> dict[str, str]:
    """The host's folder of programs, ours by one word."""
    texts = {}
    for name in sorted(os.listdir(bin_(fakes))):
        with open(os.path.join(bin_(fakes), name), encoding="utf-8") as file:
            text = file.read()
        texts[name] = "ours" if "/opt/system" in text else text
    return texts


def units(fakes) -> list[tuple[str, str]]:
    shown = fakes.switch().units.show(*UNITS)
    return [(unit.active.value, unit.file_state) for unit in shown.values()]


OFF = [("inactive", "")] * 3
ON = [("active", "enabled"), ("active", "enabled"), ("inactive", "enabled")]
PLACED = {
    "container": "ours",
    "container.host": HOSTS["container"],
    "container_checker": "ours",
    "container_checker.host": HOSTS["container_checker"],
}


def put(fakes, kubernetes=False, **options):
    return host.install(place(fakes), INSTALL, kubernetes=kubernetes, **options)


def take(fakes, **options):
    return host.uninstall(place(fakes), fakes.switch(), UNINSTALL, **options)


def test_installed_twice_and_no_unit_of_kubernetes_mode_unasked(booted):
    planned = put(booted, dry_run=True)
    assert (planned.changed, planned.dry_run, found(booted)) == (True, True, HOSTS)
    done = put(booted)
    assert done.steps == planned.steps
    assert [sentence.replace(bin_(booted), "").replace(booted.run_dir, "LOCKS") for sentence in done.steps] == [
        "place /container, and keep the host's own as container.host",
        "place /container_checker, and keep the host's own as container_checker.host",
        "make LOCKS",
    ]
    assert (found(booted), units(booted)) == (PLACED, OFF)
    assert booted.writes() == []
    again = put(booted)
    assert (again.changed, again.steps, again.error) == (False, (), None)
    assert not any(name in UNITS for call in booted.units.calls() for name in call if call[0] != "show")


def test_a_folder_of_locks_that_units_could_not_use_is_made_theirs(booted):
    """As a command leaves it that root has given before."""
    put(booted)
    docker = os.stat(booted.run_dir).st_gid
    lock = os.path.join(booted.run_dir, "snmp.lock")

    def alone(path: str, mode: int, group: int) -> None:
        os.chown(path, 0, group)
        os.chmod(path, mode)

    for wrong in ((0o2750, docker), (0o770, docker), (0o2770, 0)):
        with command_lock(booted.run_dir, "snmp", 1e9, lambda: None):
            alone(booted.run_dir, *wrong)
        assert put(booted).steps == (f"share {booted.run_dir}",)
        assert (os.stat(booted.run_dir).st_mode & 0o7777, os.stat(booted.run_dir).st_gid) == (0o2770, docker)
    alone(lock, 0o660, 0)
    assert put(booted).changed is True
    assert os.stat(lock).st_gid == docker
    assert put(booted).changed is False


def test_a_folder_of_locks_that_stays_the_wrong_one_is_no_success(booted):
    booted.program("systemd-tmpfiles", ["sh", "-c", f"mkdir {booted.run_dir}"])
    result = put(booted)
    assert isinstance(result.error, Failed)
    assert str(result.error) == f"{booted.run_dir} is not root's and the group docker's, mode 2770"
    assert len(result.steps) == 2


def test_the_folder_that_is_asked_of_tmpfiles_is_the_one_that_is_looked_for():
    with open(os.path.join(host._SHIPPED, host._FOLDERS), encoding="utf-8") as file:
        entries = [line.split() for line in file if not line.startswith("#")]
    assert entries == [
        ["d", host.RUN_DIR, f"{host._MODE:o}", "root", host._GROUP, "-"],
        ["z", f"{host.RUN_DIR}/*", "-", "-", host._GROUP, "-"],
    ]


@pytest.mark.parametrize("name", [GATES, SENDS])
def test_a_oneshot_has_a_limit_and_no_more_rights_than_it_needs(name):
    with open(os.path.join(host._SHIPPED, name), encoding="utf-8") as file:
        lines = dict(line.strip().split("=", 1) for line in file if "=" in line and not line.startswith("#"))
    assert 30 <= int(lines["TimeoutStartSec"]) <= 900
    assert lines["CapabilityBoundingSet"] == "CAP_DAC_OVERRIDE"
    assert lines["ProtectSystem"] == "strict"
    for word in ("NoNewPrivileges", "ProtectHome", "PrivateTmp", "PrivateDevices", "RestrictNamespaces"):
        assert lines[word] == "yes", word
    writes = "-/run/sonic-system-service -/usr/local/lib/systemd/system -/etc/systemd/system"
    assert lines.get("ReadWritePaths") == (writes if name == SENDS else None)


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze here")
@pytest.mark.parametrize("name", [GATES, SENDS])
def test_systemd_itself_finds_little_that_a_oneshot_could_do(name):
    argv = ["systemd-analyze", "security", "--offline=true", "--threshold=25", os.path.join(host._SHIPPED, name)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr


def test_for_kubernetes_the_units_are_enabled_and_at_work(booted):
    put(booted)
    steps = put(booted, kubernetes=True).steps
    written = [f"write {os.path.join(booted.unit_dir, name)}" for name in UNITS]
    assert steps[:4] == (*written, "have systemd read its units anew")
    assert steps[4:] == (f"enable {GATES}", f"start {GATES}", f"enable {ASKED}", f"start {ASKED}", f"enable {SENDS}")
    assert units(booted) == ON
    assert put(booted, kubernetes=True).changed is False


def test_an_upgrade_sees_to_the_units_that_are_enabled_without_being_told(booted):
    put(booted, kubernetes=True)
    wants = os.path.join(booted.admin_dir, "multi-user.target.wants")
    os.makedirs(wants)
    os.symlink("/nowhere", os.path.join(wants, GATES))
    booted.switch().units.stop(ASKED, 5)
    path = os.path.join(booted.unit_dir, SENDS)
    with open(path, "a", encoding="utf-8") as file:
        file.write("# of an older version\n")
    assert put(booted).steps == (f"write {path}", "have systemd read its units anew", f"start {ASKED}")


def test_in_an_image_that_is_being_made_units_are_enabled_without_asking_systemd(booted):
    os.rmdir(booted.booted)
    booted.units.calls()
    assert put(booted, kubernetes=True).steps[-3:] == tuple(f"enable {name}" for name in UNITS)
    assert booted.units.calls() == [["enable", name] for name in UNITS]


def test_taken_back_and_nothing_is_left(booted):
    put(booted, kubernetes=True)
    booted.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"stop": "1.00"})
    state = dict(booted.row("snmp", "STATE_DB") or {})
    planned = take(booted, dry_run=True)
    assert found(booted) == PLACED
    done = take(booted)
    assert (done.error, done.changed, done.steps) == (None, True, planned.steps)
    assert (found(booted), units(booted)) == (HOSTS, OFF)
    assert booted.redis.row(6, "SYSTEM_SERVICE|snmp") is None
    assert (booted.row("snmp", "STATE_DB") or {}) == state
    assert not os.path.exists(booted.run_dir)
    assert not os.path.exists(booted.unit_dir)
    assert not any("/snmp/" in path for verb, path, *_ in booted.docker.calls if verb != "GET")
    again = take(booted)
    assert (again.changed, again.error, os.path.exists(booted.run_dir)) == (False, None, False)


def test_a_folder_of_units_in_which_somebody_else_has_one_stays(booted):
    put(booted, kubernetes=True)
    os.close(os.open(os.path.join(booted.unit_dir, "other.service"), os.O_CREAT))
    os.close(os.open(os.path.join(booted.unit_dir, f".{GATES}.new"), os.O_CREAT))  # of one that was killed
    assert take(booted).error is None
    assert os.listdir(booted.unit_dir) == ["other.service"]


def test_what_a_variable_names_is_not_removed(booted):
    """`sudo -E`, or root's own profile: the folder that goes is ours, and of it what is ours."""
    put(booted)
    precious = os.path.join(booted.folder, "precious")
    os.makedirs(os.path.join(precious, "sync"))
    for name in ("snmp.lock", "critical.0123456789ab", "letter"):
        os.close(os.open(os.path.join(precious, name), os.O_CREAT))
    elsewhere = booted.switch()._replace(run_dir=precious)
    done = host.uninstall(place(booted), elsewhere, UNINSTALL)
    assert done.error is None
    assert {"snmp.lock", "critical.0123456789ab", "letter", "sync"} <= set(os.listdir(precious))
    assert not os.path.exists(booted.run_dir)


def test_what_is_not_ours_stays_in_the_folder_of_the_locks(booted):
    put(booted)
    os.mkdir(os.path.join(booted.run_dir, "letters.lock"))
    ours = ("snmp.lock", "snmp.action", "snmp.wait", "sync", "critical.0123456789ab", ".labels.lock", "sync.tries")
    ours += (".sync.tries.0123456789abcdef.new",)  # of somebody who lost power
    for name in ("letter", "critical.letter", *ours):
        os.close(os.open(os.path.join(booted.run_dir, name), os.O_CREAT))
    assert take(booted).error is None
    assert sorted(os.listdir(booted.run_dir)) == ["critical.letter", "letter", "letters.lock"]
    assert (take(booted).changed, take(booted).error) == (False, None)


def test_nothing_of_ours_is_tried_again_after_it(booted):
    put(booted)
    with fake.opened(booted.units.state) as state:
        timer = {"active": "active", "sub": "waiting", "file": True, "masked": False, "enabled": False}
        state["units"][host.AGAIN] = {**next(iter(state["units"].values())), **timer}
    done = take(booted)
    assert done.error is None
    assert f"stop {host.AGAIN}" in done.steps
    assert booted.switch().units.show(host.AGAIN)[host.AGAIN].active.value == "inactive"


@pytest.mark.parametrize("act", [put, take])
def test_one_at_a_time_sets_it_up_or_takes_it_back(booted, monkeypatch, act):
    if act is take:
        put(booted)
    before = found(booted)
    monkeypatch.setattr(host, "_PATIENCE", 0.2)
    above, name = os.path.split(booted.run_dir)
    with command_lock(above, name, 1e9, lambda: None), pytest.raises(Busy):
        act(booted)
    assert found(booted) == before
    assert act(booted).error is None


def test_where_the_host_had_no_program_ours_goes(booted):
    shutil.rmtree(bin_(booted))
    os.mkdir(bin_(booted))
    put(booted)
    assert found(booted) == {"container": "ours"}
    take(booted)
    assert found(booted) == {}


@pytest.mark.parametrize("number", [1, 5, 10])
@pytest.mark.parametrize("verb", ["install", "uninstall"])
def test_cut_off_after_a_step_the_same_command_completes_it(booted, monkeypatch, verb, number):
    def run():
        return put(booted, kubernetes=True) if verb == "install" else take(booted)

    if verb == "uninstall":
        put(booted, kubernetes=True)
        booted.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"stop": "1.00"})
    done = []
    real = Step.__getattribute__

    def cut(step, name):
        if name == "do":
            if len(done) == number:
                raise Cut
            done.append(step)
        return real(step, name)

    monkeypatch.setattr(Step, "__getattribute__", cut)
    with pytest.raises(Cut):
        run()
    monkeypatch.setattr(Step, "__getattribute__", real)
    assert found(booted)["container"] in ("ours", HOSTS["container"])
    assert run().error is None
    expected = (PLACED, ON, True) if verb == "install" else (HOSTS, OFF, False)
    assert (found(booted), units(booted), os.path.exists(booted.run_dir)) == expected
    assert run().changed is False


def test_what_failed_is_told_and_what_was_done_counts(booted):
    booted.program("systemd-tmpfiles", ["sh", "-c", "echo Unknown group docker. >&2; exit 65"])
    result = put(booted)
    assert isinstance(result.error, Failed)
    assert str(result.error) == "Unknown group docker"
    assert (result.changed, len(result.steps), found(booted)) == (True, 2, PLACED)


def test_a_signal_ends_it_between_two_steps(booted, monkeypatch):
    real = Program.place

    def signalled(program, system):
        real(program, system)
        os.kill(os.getpid(), 15)

    monkeypatch.setattr(Program, "place", signalled)
    result = put(booted)
    assert (result.exit_code, len(result.steps)) == (143, 1)
    assert "the same command" in result.error.resolution


@pytest.mark.parametrize(
    ("features", "said", "todo"),
    [
        ({"snmp": {"set_owner": "kube"}}, "in kubernetes mode: snmp", "config-kube feature mode --all legacy"),
        ({"probe": ROW}, "of Kubernetes only: probe", "config-kube feature uninstall probe"),
        (
            {"snmp": {"set_owner": "kube"}, "lldp": {"set_owner": "kube"}, "probe": ROW},
            "in kubernetes mode: lldp, snmp, and of Kubernetes only: probe",
            "config-kube feature mode --all legacy && config-kube feature uninstall probe",
        ),
    ],
)
def test_while_kubernetes_has_a_part_in_a_feature_it_is_refused(booted, features, said, todo):
    put(booted)
    for name, row in features.items():
        if name == "lldp":
            booted.container("lldp")
        booted.put("CONFIG_DB", f"FEATURE|{name}", row)
    for dry_run in (True, False):
        with pytest.raises(Refused) as refused:
            take(booted, dry_run=dry_run)
        assert (str(refused.value), refused.value.resolution) == (f"there are features {said}", todo)
    assert (found(booted), booted.writes()) == (PLACED, [])


def test_a_pod_that_is_still_here_is_waited_for_by_nobody(booted):
    """Frozen at its gate, for its cluster is dead: the feature is at home, and there is a way on."""
    booted.container("k8s_snmp", labels=POD)
    booted.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "127.0.0.1"})
    no_more = "or config-kube kubernetes server disable on where that cluster is no more"
    with pytest.raises(Refused) as refused:
        take(booted)
    assert str(refused.value) == "pods of features in legacy mode are still here: snmp"
    assert refused.value.resolution == f"wait for their end, {no_more}"
    booted.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "false", "label": "true"})
    with pytest.raises(Refused) as refused:
        take(booted)
    assert str(refused.value) == "labels of this switch's node are still to be dropped: snmp_enabled"
    assert refused.value.resolution == f"system service sync, {no_more}"
    booted.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "127.0.0.1", "disable": "true"})
    assert take(booted).error is None


def test_a_pod_that_runs_a_feature_is_no_pod_that_is_left(booted):
    """It is in legacy mode, and has not come home."""
    made = booted.container("k8s_snmp", labels=POD)
    made.started = time.time() - 60
    booted.serves(made)
    booted.switch().docker.stop("snmp", 1)
    with pytest.raises(Refused, match="in kubernetes mode: snmp"):
        take(booted)


def test_a_label_that_nobody_would_drop_any_more_is_a_reason_as_well(booted):
    booted.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"want": "false", "label": "true"})
    booted.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "127.0.0.1"})
    with pytest.raises(Refused, match="labels of this switch's node are still to be dropped: snmp_enabled"):
        take(booted)
    booted.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "127.0.0.1", "disable": "true"})
    assert take(booted).error is None


def test_a_change_that_comes_in_between_is_seen(booted, monkeypatch):
    put(booted)
    looks = []
    real = host.observe

    def observe(switch):
        looks.append(1)
        if len(looks) == 3:
            booted.put("CONFIG_DB", "FEATURE|snmp", {"set_owner": "kube"})
        return real(switch)

    monkeypatch.setattr(host, "observe", observe)
    with pytest.raises(Refused):
        take(booted)
    assert (len(looks), found(booted)) == (3, PLACED)


@pytest.mark.parametrize("name", ["snmp", ".labels", ".kubernetes"])
def test_another_command_at_work_is_not_disturbed(booted, monkeypatch, name):
    put(booted)
    monkeypatch.setattr(host, "_PATIENCE", 0.2)
    with (
        command_lock(booted.run_dir, name, 1e9, lambda: None),
        pytest.raises(Busy, match=f"working on {name.strip('.')}"),
    ):
        take(booted)
    assert found(booted) == PLACED


def test_where_nobody_can_say_whether_it_may_nothing_is_touched(booted):
    put(booted)
    booted.redis.stop()
    with pytest.raises(Unreachable):
        take(booted)
    assert found(booted) == PLACED


def test_without_root_nothing_but_the_plan(booted, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert put(booted, dry_run=True).changed is True
    with pytest.raises(NotPermitted, match="'system host install' needs root"):
        put(booted)
    monkeypatch.undo()


def test_each_step_is_told_before_it_is_taken(booted, monkeypatch):
    events = []
    monkeypatch.setattr(host, "record", lambda *words: events.append(words[2]))
    for act in (put, take):
        steps = act(booted, tell=lambda step: events.append(f"now: {step}")).steps
        assert len(steps) > 2
        assert events == [event for step in steps for event in (f"now: {step}", step)]
        events.clear()


def test_each_step_is_in_the_audit_log(booted, monkeypatch):
    lines = []
    monkeypatch.setattr(host, "record", lambda *words: lines.append(words))
    steps = put(booted).steps
    assert lines == [(INSTALL, "host", step, "done") for step in steps]
