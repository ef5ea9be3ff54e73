"""One container for units and scripts: Docker's answer decides; Redis is told what the host's own script tells it."""

from __future__ import annotations

import fcntl

import pytest

from system_service.backends.unitfiles import text
from system_service.domain import container_script as contain
from system_service.domain.container_script import ContainerScript
from system_service.errors import Failed, UnknownFeature, Unreachable
from system_service.handover import action_lock
from tests.fakes.docker_life import Refusal

NOW = "2026-11-22 10:00:00"
UP = {
    "system_state": "up",
    "current_owner": "local",
    "container_id": "snmp",
    "remote_state": "none",
    "update_time": NOW,
}
LABELS = {  # in a namespace that is not ours: it counts all the same
    "io.kubernetes.container.name": "snmp",
    "io.kubernetes.docker.type": "container",
    "io.kubernetes.pod.namespace": "default",
}
DOWN = {"system_state": "down", "current_owner": "none", "container_id": "", "remote_state": "none", "update_time": NOW}


@pytest.fixture(autouse=True)
def _environment(asker, monkeypatch):
    monkeypatch.setattr(contain, "host_time", lambda: NOW)


def state(fakes, name="snmp"):
    return fakes.docker.get(name).state


def test_start_and_stop_with_an_owner(fakes):
    fakes.feature("snmp", "exited")
    fakes.put("STATE_DB", "FEATURE|snmp", {"state": "enabled", "container_version": "v1"})
    kept = {"state": "enabled", "container_version": "v1"}
    assert ContainerScript.open("snmp").start() is True
    assert (state(fakes), fakes.row("snmp", "STATE_DB")) == ("running", kept | UP)
    ContainerScript.open("snmp").stop(None)
    assert (state(fakes), fakes.row("snmp", "STATE_DB")) == ("exited", kept | DOWN)


def test_an_image_without_owners_gets_no_field(fakes):
    fakes.feature("snmp", "exited", set_owner="")
    ContainerScript.open("snmp").start()
    ContainerScript.open("snmp").stop(3)
    assert ContainerScript.open("snmp").record(UP) is False
    assert fakes.row("snmp", "STATE_DB") is None
    assert fakes.redis.databases.get(6, {}) == {}


def test_the_intent_is_recorded_before_docker_is_asked(fakes):
    fakes.feature("snmp", "exited")
    fakes.docker.inject("POST", "raw", raw=b"HTTP/1.0 500 X\r\n\r\noops")
    with pytest.raises(Unreachable):
        ContainerScript.open("snmp").start()
    assert fakes.row("snmp", "STATE_DB") == UP
    with pytest.raises(Unreachable):
        ContainerScript.open("snmp").stop(None)
    assert fakes.row("snmp", "STATE_DB") == UP  # not called down before it was


@pytest.mark.parametrize(("before", "after"), [("running", "running"), ("paused", "running"), ("created", "running")])
def test_start_from_any_state(fakes, before, after):
    fakes.feature("snmp", before)
    assert ContainerScript.open("snmp").start() is True
    assert state(fakes) == after


def test_a_start_that_docker_refuses_once_is_made_all_the_same(fakes):
    """ "no such device" while systemd is being reloaded: a failure here would cost the unit one of its starts."""
    fakes.feature("snmp", "exited")
    fakes.docker.refuse("POST .*/start", "unable to apply cgroup configuration: no such device", times=1)
    assert ContainerScript.open("snmp").start() is True
    assert state(fakes) == "running"


def test_a_start_that_docker_refuses(fakes):
    fakes.feature("snmp", "dead")
    fakes.docker.inject("POST", "raw", raw=b'HTTP/1.0 500 X\r\nContent-Length: 18\r\n\r\n{"message":"no"}  ')
    with pytest.raises(Failed, match="Docker: no"):
        ContainerScript.open("snmp").start()


@pytest.mark.parametrize(
    ("fields", "starts"),
    [
        ({"set_owner": "kube"}, True),
        ({"set_owner": "kube", "no_fallback_to_local": "false"}, True),
        ({"set_owner": "kube", "no_fallback_to_local": "TRUE"}, False),
        ({"set_owner": "local", "no_fallback_to_local": "true"}, True),
    ],
)
def test_a_row_that_says_kube_is_served_locally_unless_it_may_not(fakes, fields, starts):
    fakes.feature("snmp", "exited", **fields)
    assert ContainerScript.open("snmp").start() is starts
    assert state(fakes) == ("running" if starts else "exited")


@pytest.mark.parametrize(("asked", "seconds"), [(None, "60"), (3, "3"), (0, "0")])
def test_the_time_to_end(fakes, asked, seconds, monkeypatch):
    fakes.feature("teamd")
    given = []
    act = fakes.docker.act
    monkeypatch.setattr(fakes.docker, "act", lambda c, verb, query: given.append(query.get("t")) or act(c, verb, query))
    ContainerScript.open("teamd").stop(asked)
    assert given == [seconds]


def test_kill_writes_nothing(fakes):
    fakes.feature("snmp")
    for _ in range(2):
        ContainerScript.open("snmp").kill()
    assert fakes.docker.get("snmp").exit_code == 137
    assert fakes.row("snmp", "STATE_DB") is None


def test_without_redis_docker_alone(fakes):
    fakes.feature("snmp", "exited")
    fakes.redis.stop()
    contained = ContainerScript.open("snmp")
    assert contained.start() is True
    assert len(contained.warnings) == 1
    assert state(fakes) == "running"
    ContainerScript.open("snmp").stop(None)
    assert state(fakes) == "exited"
    with pytest.raises(Unreachable, match=r"redis\.sock"):
        ContainerScript.open("snmp").record(UP)


def test_redis_that_goes_or_refuses_between_reading_and_writing(fakes):
    fakes.feature("snmp", "exited")
    contained = ContainerScript.open("snmp")
    fakes.redis.failure = "misconf"
    assert contained.start() is True
    assert "MISCONF" in contained.warnings[0]
    assert state(fakes) == "running"


def test_the_container_of_an_asic(fakes):
    fakes.asic("asic0", "asic1")
    fakes.feature("swss", "", has_per_asic_scope="True")
    fakes.put("CONFIG_DB", "FEATURE|swss", {"set_owner": "local"}, "asic1")
    fakes.container("swss1", "exited")
    contained = ContainerScript.open("swss1")
    assert (contained.feature.name, contained.namespace) == ("swss", "asic1")
    contained.start()
    assert fakes.row("swss", "STATE_DB", "asic1") == UP | {"container_id": "swss1"}
    assert fakes.row("swss", "STATE_DB") is None


def test_what_is_no_feature(fakes):
    fakes.feature("snmp")
    with pytest.raises(UnknownFeature, match="there is no container 'a/b'"):
        ContainerScript.open("a/b")
    with pytest.raises(UnknownFeature, match="no container nosuch"):
        ContainerScript.open("nosuch").start()
    with pytest.raises(UnknownFeature, match="there is no feature for container nosuch"):
        ContainerScript.open("nosuch").record(UP)
    fakes.container("stranger", "exited")
    assert ContainerScript.open("stranger").start() is True  # a container without a row: Docker's answer decides
    assert fakes.row("stranger", "STATE_DB") is None


class TestAPodAndNoRow:
    """A reload empties CONFIG_DB for a moment: who is wanted is not known, and nobody is taken for legacy."""

    @pytest.fixture(autouse=True)
    def pod(self, fakes, tmp_path, monkeypatch):
        monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
        monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(tmp_path))
        fakes.container("snmp", "exited")
        state = {"system_state": "up", "remote_state": "running", "update_time": "2030-01-01 00:00:00"}
        fakes.put("STATE_DB", "FEATURE|snmp", state)
        made = fakes.container("k8s_snmp", "exited", labels=LABELS, env=["IMAGE_VERSION=v2"])
        made.processes = [["8", "snmpd"]]
        fakes.docker.run(made)
        return made

    def test_a_start_leaves_it_to_wait(self, fakes, pod):
        assert ContainerScript.open("snmp").start() is False
        assert (state(fakes), pod.state, pod.starts) == ("exited", "running", 1)
        assert fakes.row("snmp", "STATE_DB")["system_state"] == "up"

    def test_a_stop_closes_the_gate_and_sends_the_pod_back_to_it(self, fakes, pod):
        fakes.docker.run(fakes.docker.get("snmp"))
        ContainerScript.open("snmp").stop(None)
        assert (state(fakes), pod.state, pod.starts) == ("exited", "running", 2)
        row = fakes.row("snmp", "STATE_DB")
        assert (row["system_state"], row["remote_state"]) == ("down", "none")

    def test_a_kill_does_so_too(self, fakes, pod):
        ContainerScript.open("snmp").kill()
        assert (pod.starts, fakes.row("snmp", "STATE_DB")["system_state"]) == (2, "down")

    def test_a_row_without_an_owner_is_an_image_that_knows_none(self, fakes, pod):
        fakes.put("CONFIG_DB", "FEATURE|snmp", {"state": "enabled"})
        assert ContainerScript.open("snmp").start() is True
        ContainerScript.open("snmp").stop(None)
        assert (state(fakes), pod.starts) == ("exited", 1)
        assert ("GET", "/containers/json") not in fakes.docker.calls


class TestAPodThatCannotBeStopped:
    """The local container is stopped all the same, and then it is told."""

    @pytest.fixture(autouse=True)
    def pod(self, fakes, tmp_path, monkeypatch):
        monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
        fakes.feature("snmp", set_owner="kube")
        made = fakes.container("k8s_snmp", "exited", labels=LABELS)
        fakes.docker.run(made)
        act = fakes.docker.act

        def refuse(container, verb, query):
            if container is made:
                raise Refusal(500, "cannot kill it")
            return act(container, verb, query)

        monkeypatch.setattr(fakes.docker, "act", refuse)
        return made

    @pytest.mark.parametrize("ask", [lambda c: c.stop(1), lambda c: c.kill()])
    @pytest.mark.parametrize("redis", [True, False])
    def test_the_local_container_is(self, fakes, ask, redis):
        if not redis:
            fakes.redis.stop()
        with pytest.raises(Failed, match="cannot kill it"):
            ask(ContainerScript.open("snmp"))
        assert state(fakes) == "exited"

    def test_a_row_that_is_none_is_told_too(self, fakes, pod):
        fakes.put("STATE_DB", "FEATURE|snmp", "what")
        with pytest.raises(Failed):
            ContainerScript.open("snmp").stop(1)
        assert state(fakes) == "exited"


def test_a_stop_goes_on_without_a_lock_that_somebody_holds_for_ever(fakes, tmp_path, monkeypatch):
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", str(tmp_path))
    monkeypatch.setattr(action_lock, "_LONGEST_STEP", -10.0)
    fakes.feature("snmp", set_owner="kube")
    pod = fakes.container("k8s_snmp", "exited", labels=LABELS)
    fakes.docker.run(pod)
    told = []
    with open(tmp_path / "snmp.action", "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        ContainerScript.open("snmp", told.append).stop(1)
    assert (state(fakes), pod.starts) == ("exited", 2)
    assert told == ["snmp: another process has held the action lock for 0 s; going on without it"]


class TestKubernetesOnly:
    """No container here, and never one that would be started."""

    @pytest.fixture(autouse=True)
    def _unit(self, fakes, monkeypatch):
        monkeypatch.setenv("SYSTEM_SERVICE_UNIT_DIR", fakes.unit_dir)
        fakes.switch().unit_files().write("probe", text("probe"))

    def test_it_starts_and_stops_without_a_container(self, fakes):
        fakes.feature("probe", "", set_owner="kube", no_fallback_to_local="true")
        assert ContainerScript.open("probe").start() is False
        assert fakes.row("probe", "STATE_DB")["system_state"] == "up"
        ContainerScript.open("probe").stop(None)
        ContainerScript.open("probe").kill()
        assert fakes.row("probe", "STATE_DB")["system_state"] == "down"

    def test_a_fallback_written_by_hand_starts_nothing(self, fakes):
        fakes.feature("probe", "", set_owner="kube")
        assert ContainerScript.open("probe").start() is False

    def test_legacy_written_by_hand_is_told(self, fakes):
        fakes.feature("probe", "", set_owner="local")
        with pytest.raises(UnknownFeature):
            ContainerScript.open("probe").start()

    @pytest.mark.parametrize("lost", ["redis", "row"])
    def test_without_a_row_its_unit_tells(self, fakes, lost):
        if lost == "redis":
            fakes.redis.stop()
        assert ContainerScript.open("probe").start() is False
        ContainerScript.open("probe").stop(None)
        ContainerScript.open("probe").kill()
        with pytest.raises(UnknownFeature):
            ContainerScript.open("other").start()
