"""`system service check`, in this process over the wire fakes: what is expected, what runs, and what is an alarm."""

from __future__ import annotations

import fcntl
import os
import threading
import time

import pytest

from system_service.domain.monit.check import check
from system_service.domain.status.observe import observe
from system_service.errors import Failed, NotRunning, UnknownFeature, Unreachable
from system_service.model.boot import boot_id, uptime
from system_service.model.feature import Owner
from system_service.model.pods import pod_labels
from system_service.terminal.envelope import envelope
from tests.fakes import systemctl as fake
from tests.support.systemd import Spec

SUPERVISORD = ["100", "/usr/bin/python3 /usr/bin/supervisord -n"]
SNMPD = ["101", "/usr/sbin/snmpd -f SUPERVISOR_PROCESS_NAME=snmpd SUPERVISOR_GROUP_NAME=snmpd"]
LIST = {"/etc/supervisor/critical_processes": b"program:snmpd\n"}


@pytest.fixture(autouse=True)
def _environment(asker):
    """systemctl is the fake one."""


@pytest.fixture
def run(fakes):
    """Checks; the one feature's report with its error's sentence (None: no alarm)."""

    def checked(*names, **options):
        result = check(fakes.switch(), names, **options)
        assert fakes.writes() == []
        return envelope(result)["features"][0] | {"error": str(result.error) if result.error else None}

    return checked


def host_time(ago=0.0):
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(time.time() - ago))


def pod(fakes, name="snmp", ago=60.0, **settings):
    """A running container of the feature's pod, started so many seconds ago."""
    labels = dict(label.split("=", 1) for label in pod_labels(name))
    made = fakes.docker.create(f"k8s_{name}_{time.time_ns()}", start=True, labels=labels, **settings)
    made.started = time.time() - ago
    return made


def row(fakes, remote="running", id="", ago=30.0, **fields):
    told = {"system_state": "up", "remote_state": remote, "container_id": id[:12], "update_time": host_time(ago)}
    fakes.put("STATE_DB", "FEATURE|snmp", told | fields)


def own(fakes, **fields):
    fakes.put("STATE_DB", "SYSTEM_SERVICE|snmp", {key: str(value) for key, value in fields.items()})


@pytest.fixture
def worker(fakes):
    """Somebody who holds snmp's action lock; called with a number: since so many seconds."""
    os.makedirs(fakes.run_dir)
    with open(os.path.join(fakes.run_dir, "snmp.action"), "w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)

        def holds(ago):
            file.seek(0)
            file.write(f"{uptime() - ago:<20.2f}")
            file.flush()

        holds(0)
        yield holds


class TestExpected:
    def test_every_feature_that_is_not_disabled(self, fakes):
        states = ("enabled", "always_enabled", "disabled", "always_disabled", "{{ template }}", "")
        for number, state in enumerate(states):
            fakes.feature(f"f{number}", "exited", state=state)
        found = check(fakes.switch())
        assert str(found.error) == "Expected containers not running: f0, f1, f4, f5"
        assert [r.name for r in found.reports if not r.expected] == ["f2", "f3"]
        assert [r.name for r in found.reports if r.alarm] == ["f0", "f1", "f4", "f5"]

    def test_all_is_well(self, fakes):
        fakes.feature("snmp")
        fakes.feature("lldp", "", state="disabled")
        found = check(fakes.switch())
        assert found.error is None
        assert envelope(found)["features"][1] == {
            "name": "snmp",
            "mode": "legacy",
            "owner": "local",
            "fallback": True,
            "state": "enabled",
            "expected": True,
            "running": True,
            "alarm": False,
            "missing": [],
            "missing_processes": [],
            "detail": "",
            "changed": False,
        }

    def test_in_each_scope(self, fakes):
        fakes.asic("asic0", "asic1")
        fakes.feature("swss", "", has_global_scope="False", has_per_asic_scope="True")
        fakes.feature("lldp", "", has_per_asic_scope="True")
        for name in ("swss0", "lldp", "lldp1"):
            fakes.container(name)
        assert str(check(fakes.switch()).error) == "Expected containers not running: lldp0, swss1"

    def test_what_has_no_container_of_its_own(self, fakes):
        fakes.feature("frr_bmp", "")
        fakes.feature("telemetry", "")
        assert check(fakes.switch()).error is None
        fakes.docker.images.add("docker-sonic-telemetry:latest")
        assert str(check(fakes.switch()).error) == "Expected containers not running: telemetry"

    def test_names(self, fakes):
        fakes.feature("snmp", "exited")
        fakes.feature("lldp", "exited")
        fakes.feature("bgp", "", state="disabled")
        assert str(check(fakes.switch(), ("snmp",)).error) == "Expected containers not running: snmp"
        assert check(fakes.switch(), ("bgp",)).error is None
        found = check(fakes.switch(), ("nosuch", "lldp"))
        assert isinstance(found.error, UnknownFeature)
        assert found.reports[1].missing == ("lldp",)
        with pytest.raises(UnknownFeature):
            check(fakes.switch(), ("nosuch",))


class TestLocal:
    @pytest.mark.parametrize(
        ("state", "why"),
        [
            ("exited", "container snmp is exited (exited (0) 5 minutes ago)"),
            ("paused", "container snmp is paused"),
            ("restarting", "container snmp is restarting"),
            ("created", "container snmp is created"),
            ("dead", "container snmp is dead"),
            ("", "there is no container snmp"),
        ],
    )
    def test_not_running(self, fakes, run, state, why):
        fakes.feature("snmp", state)
        told = run()
        assert (told["error"], told["detail"]) == ("Expected containers not running: snmp", why)
        assert (told["missing"], told["running"], told["alarm"]) == (["snmp"], False, True)

    def test_exact_names_and_labels(self, fakes, run):
        fakes.feature("snmp", "")
        fakes.container("snmp2")
        fakes.container("xsnmp", labels={"io.kubernetes.container.name": "snmp"})
        assert run()["missing"] == ["snmp"]

    def test_rows_are_never_believed(self, fakes, run):
        fakes.feature("snmp", "exited")
        fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "up", "current_owner": "local", "container_id": "snmp"})
        assert run()["alarm"] is True
        fakes.docker.act(fakes.docker.get("snmp"), "start", {})
        fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "down", "current_owner": "kube", "container_id": "0"})
        assert run()["alarm"] is False

    def test_nobody_but_docker_is_asked(self, fakes, run):
        fakes.systemd(snmp=Spec(), lldp=Spec())
        fakes.feature("snmp")
        fakes.feature("lldp", "exited")
        run()
        assert fakes.units.calls() == []


class TestKube:
    def test_behind_an_open_gate(self, fakes, run):
        fakes.feature("snmp", "exited", set_owner="kube")
        fakes.serves(pod(fakes))
        told = run()
        assert (told["owner"], told["running"], told["alarm"]) == ("kube", True, False)

    @pytest.mark.parametrize("namespace", ["sonic", "default", "kube-system"])
    def test_it_counts_in_every_namespace_of_kubernetes(self, fakes, run, namespace):
        fakes.feature("snmp", "", set_owner="kube")
        made = pod(fakes)
        made.labels["io.kubernetes.pod.namespace"] = namespace
        fakes.serves(made)
        told = run()
        assert (told["owner"], told["running"], told["alarm"]) == ("kube", True, False)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda fakes, made: fakes.serves(made, served=""),
            lambda fakes, made: fakes.serves(made, served=f"{'0' * 12}@2026-11-22T10:00:00Z"),
            lambda fakes, made: setattr(made, "started", time.time()),
            lambda fakes, made: setattr(made, "state", "paused"),
            lambda fakes, made: made.labels.update({"io.kubernetes.docker.type": "podsandbox"}),
            lambda fakes, made: made.labels.update({"io.kubernetes.container.name": "snmp2"}),
        ],
        ids=["not noted", "another's id", "started since", "paused", "its sandbox", "another's"],
    )
    def test_anything_else_is_nobody(self, fakes, run, spoil):
        fakes.feature("snmp", "", set_owner="kube")
        made = pod(fakes)
        row(fakes, id=made.id)  # what STATE_DB says is believed of nobody
        fakes.serves(made)
        spoil(fakes, made)
        assert run()["missing"] == ["snmp"]

    def test_by_its_processes_where_nobody_has_noted_who(self, fakes, run):
        """KubeSonic's run without a gate, and what died with its wait is noted by nobody."""
        os.makedirs(fakes.run_dir)
        fakes.feature("snmp", "", set_owner="kube")
        made = pod(fakes, processes=[SUPERVISORD, SNMPD], files=dict(LIST))
        assert run()["owner"] == "kube"
        made.processes = [SUPERVISORD]
        assert run()["owner"] == "none"
        made.processes = [SUPERVISORD, ["102", "/usr/bin/python3 /usr/bin/container_startup.py -f snmp"], SNMPD]
        assert run()["owner"] == "none"
        made.files, made.processes = {}, [["200", SUPERVISORD[1]]]  # none of them is said to matter
        assert run()["owner"] == "kube"
        made.started = time.time()
        assert run()["owner"] == "none"

    def test_fallback_is_running_and_says_so(self, fakes, run):
        fakes.feature("snmp", set_owner="kube")
        own(fakes, reason="ErrImagePull", since=1700000000)
        told = run()
        assert (told["alarm"], told["running"]) == (False, True)
        assert told["detail"].startswith("the local image serves: ErrImagePull")

    def test_one_that_died(self, fakes, run):
        fakes.feature("snmp", "exited", set_owner="kube")
        own(fakes, boot=boot_id(), reason="the pod's container ended", since=int(time.time()), deaths=uptime())
        row(fakes, "none")
        told = run()
        assert told["alarm"] is True
        assert "the pod's container ended" in told["detail"]


class TestHandover:
    def legacy_to_kubernetes(self, fakes, **fields):
        """The local container has just been stopped for a pod at its gate."""
        fakes.feature("snmp", set_owner="kube")
        fakes.docker.crash("snmp", 0)
        pod(fakes)
        row(fakes, "pending", **fields)

    def test_somebody_is_at_it(self, fakes, run, worker):
        self.legacy_to_kubernetes(fakes)
        told = run()
        assert (told["alarm"], told["running"], told["detail"]) == (False, False, "it is being handed over")

    def test_between_two_steps(self, fakes, run):
        """Nobody holds the lock for a moment; the next look finds it held."""
        self.legacy_to_kubernetes(fakes)
        os.makedirs(fakes.run_dir)
        with open(os.path.join(fakes.run_dir, "snmp.action"), "w") as file:
            file.write(f"{uptime()}")
            file.flush()
            step = threading.Timer(0.1, fcntl.flock, (file, fcntl.LOCK_EX))
            step.start()
            assert run()["alarm"] is False
            step.join()

    def test_nobody_is_at_it(self, fakes, run):
        self.legacy_to_kubernetes(fakes)
        assert run()["alarm"] is True

    def test_a_step_may_last_as_long_as_somebody_is_at_it_and_no_longer(self, fakes, run, worker):
        self.legacy_to_kubernetes(fakes)
        worker(20)
        assert run()["alarm"] is False
        worker(40)
        assert run()["alarm"] is True

    @pytest.mark.parametrize("hours", [-2, 2])
    def test_no_wall_clock_has_a_say_in_it(self, fakes, run, worker, hours):
        self.legacy_to_kubernetes(fakes)
        fakes.docker.get("snmp").ended += hours * 3600
        assert run()["alarm"] is False
        worker(40)
        assert run()["alarm"] is True

    def test_the_gate_is_about_to_open(self, fakes, run):
        self.legacy_to_kubernetes(fakes, remote_state="ready")
        own(fakes, boot=boot_id(), answered=f"mark {uptime() - 8}")
        assert run()["alarm"] is False
        own(fakes, boot=boot_id(), answered=f"mark {uptime() - 12}")
        assert run()["alarm"] is True
        own(fakes, boot="another", answered=f"mark {uptime() - 8}")
        assert run()["alarm"] is True

    def kubernetes_to_legacy(self, fakes):
        """The pod's container was restarted, to come back at its gate; the local one is about to start."""
        fakes.feature("snmp", set_owner="local")
        fakes.docker.crash("snmp", 0)
        pod(fakes)
        row(fakes, "none")

    def test_home(self, fakes, run, worker):
        self.kubernetes_to_legacy(fakes)
        assert run()["alarm"] is False
        worker(40)
        assert run()["alarm"] is True

    def test_not_home(self, fakes, run):
        self.kubernetes_to_legacy(fakes)
        assert run()["alarm"] is True

    @pytest.mark.parametrize("only", ["true", "false"])
    def test_a_stop_is_none(self, fakes, run, worker, only):
        self.legacy_to_kubernetes(fakes, system_state="down")
        fakes.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube", "no_fallback_to_local": only})
        own(fakes, reason="ErrImagePull", since=int(time.time()) - 10)
        told = run()
        assert told["alarm"] is True
        assert told["detail"].endswith("; it was stopped: system service start snmp")
        assert "gate" not in told["detail"]

    def test_a_crash_in_legacy_mode_is_none(self, fakes, run, worker):
        fakes.feature("snmp")
        fakes.docker.crash("snmp")
        row(fakes, "none", current_owner="local")
        assert run()["alarm"] is True


def test_absent_cards_of_a_chassis(fakes, run, monkeypatch):
    fakes.asic("asic0", "asic1")
    monkeypatch.setattr("system_service.backends.chassis.absent_asics", lambda db: frozenset({"asic1"}))
    scopes = {"has_global_scope": "False", "has_per_asic_scope": "True"}
    fakes.feature("swss", "", **scopes)
    fakes.feature("bgp", "", **scopes)
    for name in ("swss0", "bgp0"):
        fakes.container(name)
    told = {report.name: report.missing for report in check(fakes.switch()).reports}
    assert told == {"bgp": ("bgp1",), "swss": ()}


class TestPending:
    @pytest.fixture
    def pending(self, fakes):
        fakes.feature("snmp", "", set_owner="kube", no_fallback_to_local="true")
        fakes.put("STATE_DB", "FEATURE|snmp", {"system_state": "up", "remote_state": "none"})

    def test_an_alarm_only_after_its_patience(self, fakes, run, pending):
        own(fakes, reason="ErrImagePull", since=int(time.time()) - 100)
        told = run()
        assert (told["alarm"], told["missing"]) == (False, [])
        assert told["detail"].startswith("pending deployment: ErrImagePull")
        assert "an alarm in 200 s" in told["detail"] or "an alarm in 199 s" in told["detail"]
        told = run(patience=60)
        assert told["error"] == "Expected containers not running: snmp"
        assert told["detail"].startswith("pending deployment: ErrImagePull")

    def test_nobody_knows_since_when(self, run, pending):
        assert run()["alarm"] is True

    def test_one_that_served_and_died_is_not_pending(self, fakes, run, pending):
        since = int(time.time()) - 10
        own(fakes, boot=boot_id(), reason="the pod's container ended", since=since, deaths=uptime() - 9)
        assert run()["alarm"] is True

    def test_the_units_life_tells_where_there_is_one(self, fakes, run, pending):
        fakes.systemd(snmp=Spec())
        own(fakes, reason="ErrImagePull", since=int(time.time()) - 10)
        told = run()
        assert (told["alarm"], told["detail"]) == (True, "snmp.service is inactive")
        own(fakes)
        for ago, alarm in ((100, False), (400, True)):
            stamp = time.strftime("%a %Y-%m-%d %H:%M:%S UTC", time.gmtime(time.time() - ago))
            with fake.opened(fakes.units.state) as state:
                life = {"active": "active", "sub": "running", "stamps": {"ActiveEnterTimestamp": stamp}}
                state["units"]["snmp.service"] |= life
            assert run()["alarm"] is alarm

    def test_a_systemd_that_does_not_answer_is_no_alarm_of_its_own(self, fakes, run, pending):
        fakes.systemd(snmp=Spec())
        fakes.units.fail("bus")
        own(fakes, reason="ErrImagePull", since=int(time.time()) - 10)
        assert run()["alarm"] is False

    def test_with_a_fallback_there_is_no_patience(self, fakes, run):
        fakes.feature("snmp", "exited", set_owner="kube")
        own(fakes, reason="ErrImagePull", since=int(time.time()))
        assert run()["alarm"] is True


class TestProcesses:
    @pytest.fixture
    def snmp(self, fakes):
        os.makedirs(fakes.run_dir)
        fakes.feature("snmp")
        made = fakes.docker.get("snmp")
        made.processes, made.files, made.started = [SUPERVISORD, SNMPD], dict(LIST), time.time() - 60
        return made

    def test_they_run(self, run, snmp):
        assert run(critical=True)["alarm"] is False

    def test_one_does_not(self, fakes, run, snmp):
        snmp.processes = [SUPERVISORD]
        told = run(critical=True)
        assert told["error"] == "Critical processes not running: snmp:snmpd"
        assert told["missing_processes"] == [{"container": "snmp", "owner": "local", "process": "snmpd"}]
        assert told["detail"] == "snmpd does not run in container snmp (local)"
        assert (told["missing"], told["running"]) == ([], True)
        assert run()["alarm"] is False, "only when asked for"

    def test_in_a_pod(self, fakes, run):
        fakes.feature("snmp", "", set_owner="kube")
        made = pod(fakes, processes=[SUPERVISORD], files=dict(LIST))
        fakes.serves(made)
        told = run(critical=True)
        assert told["missing_processes"] == [{"container": "snmp", "owner": "kube", "process": "snmpd"}]
        assert told["detail"] == "snmpd does not run in a pod's container (kube)"

    def test_a_young_container_has_time_to_bring_them_up(self, fakes, run, snmp):
        snmp.processes, snmp.started = [SUPERVISORD], time.time() - 10
        assert run(critical=True)["alarm"] is False
        assert not any("archive" in path for _, path in fakes.docker.calls)

    def test_so_has_a_pod_whose_gate_has_just_opened(self, fakes, run):
        fakes.feature("snmp", "", set_owner="kube")
        made = pod(fakes, processes=[SUPERVISORD], files=dict(LIST), ago=3600)
        fakes.serves(made, ago=10)
        assert run(critical=True)["alarm"] is False
        fakes.serves(made, ago=-3600)  # a clock that was set back is no excuse for as long
        assert run(critical=True)["alarm"] is True

    def test_a_container_without_a_list(self, run, snmp):
        snmp.files, snmp.processes = {}, [SUPERVISORD]
        assert run(critical=True)["alarm"] is False

    def test_it_ends_meanwhile(self, fakes, run, snmp):
        raw = b'HTTP/1.0 409 Conflict\r\n\r\n{"message": "Container snmp is not running"}'
        fakes.docker.inject("/top", "raw", raw, times=1)
        assert run(critical=True)["missing"] == ["snmp"]
        snmp.processes = []
        assert run(critical=True)["missing"] == ["snmp"]

    def test_while_it_is_stopped_for_a_pod(self, fakes, run, snmp):
        fakes.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
        snmp.processes = [SUPERVISORD]
        pod(fakes)
        row(fakes, "pending")
        assert run(critical=True)["alarm"] is True
        with open(os.path.join(fakes.run_dir, "snmp.action"), "w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(f"{uptime()}")
            file.flush()
            told = run(critical=True)
        assert (told["alarm"], told["detail"]) == (False, "it is being handed over")

    def test_what_cannot_be_told_of_one_hides_no_other(self, fakes, run, snmp):
        fakes.feature("lldp").processes = [SUPERVISORD]
        lldp = fakes.docker.get("lldp")
        lldp.files, lldp.started = {"/etc/supervisor/critical_processes": b"program:lldpd\n"}, time.time() - 60
        lie = b"HTTP/1.0 200 OK\r\nContent-Length: 600\r\n\r\n" + b"x" * 600
        fakes.docker.inject(f"/containers/{snmp.id}/archive", "raw", lie)
        assert run(critical=True)["error"] == "Critical processes not running: lldp:lldpd"
        lldp.processes = [SUPERVISORD, ["102", "lldpd: monitor."]]
        told = check(fakes.switch(), critical=True)
        assert isinstance(told.error, Failed)
        assert "/etc/supervisor/critical_processes of container snmp cannot be read" in str(told.error)
        assert told.reports[1].detail == str(told.error)

    @pytest.mark.parametrize("kind", ["hang", "huge"])
    def test_nor_does_one_whose_file_does_not_arrive(self, fakes, snmp, kind):
        """More than is read of any answer, or an end in the middle: one container's, not Docker's."""
        if kind == "huge":
            lie = b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"
            fakes.docker.inject(f"/containers/{snmp.id}/archive", "raw", lie)
        else:
            fakes.docker.inject(f"/containers/{snmp.id}/archive", kind)
        told = check(fakes.switch(), critical=True)
        assert type(told.error) is Failed
        assert "of container snmp cannot be read" in told.reports[0].detail

    def test_a_pod_whose_file_does_not_arrive_keeps_nobody_from_looking(self, fakes):
        fakes.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled", "set_owner": "kube"})
        made = pod(fakes, processes=[SUPERVISORD], files=dict(LIST), ago=3600)
        lie = b"HTTP/1.0 200 OK\r\nContent-Length: 99999999999\r\n\r\nx"
        fakes.docker.inject(f"/containers/{made.id}/archive", "raw", lie)
        assert observe(fakes.switch()).features[0].owner is Owner.KUBE  # it is past its gate, and long has been

    def test_the_folder_is_asked_for_where_there_are_groups(self, fakes, run, snmp):
        run(critical=True)
        assert fakes.docker.calls["GET", f"/containers/{snmp.id}/archive"] == 1
        os.unlink(os.path.join(fakes.run_dir, f"critical.{snmp.id[:12]}"))
        snmp.files["/etc/supervisor/critical_processes"] = b"group:snmp\n"
        snmp.files["/etc/supervisor/conf.d/supervisord.conf"] = b"[group:snmp]\nprograms=snmpd,agent\n"
        assert [one["process"] for one in run(critical=True)["missing_processes"]] == ["agent"]
        assert fakes.docker.calls["GET", f"/containers/{snmp.id}/archive"] == 3

    def test_one_call_a_container_once_the_list_is_known(self, fakes, run, snmp):
        for name in ("lldp", "bgp"):
            made = fakes.feature(name)
            made.processes, made.files, made.started = [SUPERVISORD], {}, time.time() - 60
        run(critical=True)
        fakes.reset()
        run(critical=True)
        tops = {("GET", f"/containers/{c.id}/top"): 1 for c in fakes.docker.containers.values()}
        assert dict(fakes.docker.calls) == {("GET", "/containers/json"): 1, **tops}
        assert fakes.redis.round_trips <= 2

    def test_a_new_life_is_asked_anew(self, fakes, run, snmp):
        run(critical=True)
        snmp.files["/etc/supervisor/critical_processes"] = b"program:other\n"
        assert run(critical=True)["alarm"] is False
        snmp.processes = [["200", SUPERVISORD[1]]]
        assert run(critical=True)["missing_processes"][0]["process"] == "other"

    def test_what_is_kept_goes_with_the_container(self, fakes, run, snmp):
        run(critical=True)
        assert os.listdir(fakes.run_dir) == [f"critical.{snmp.id[:12]}"]
        fakes.docker.remove(snmp, force=True)
        run(critical=True)
        assert os.listdir(fakes.run_dir) == []


class TestCannotTell:
    def test_an_empty_table(self, fakes):
        with pytest.raises(Unreachable, match="the FEATURE table of CONFIG_DB is empty"):
            check(fakes.switch())
        with pytest.raises(Unreachable, match="the FEATURE table of CONFIG_DB is empty"):
            check(fakes.switch(), ("snmp",))

    def test_docker_is_down(self, fakes):
        fakes.feature("snmp")
        fakes.docker.stop()
        with pytest.raises(Unreachable, match=r"Docker at .* cannot be reached"):
            check(fakes.switch())

    def test_an_alarm_is_an_answer(self, fakes):
        fakes.feature("snmp", "exited")
        error = check(fakes.switch()).error
        assert isinstance(error, NotRunning)
        assert (error.exit_code, error.resolution) == (3, "system service explain snmp")
