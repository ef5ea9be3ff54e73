"""What the engine backend needs of Docker, run against the fake and against a real dockerd alike.

The `docker` package is the witness: it tells what became of the containers.
"""

import io
import os
import shutil
import signal
import tarfile
import tempfile

import docker
import pytest

from system_service.backends.engine import Engine
from system_service.errors import Failed, TimedOut, UnknownFeature, Unreachable
from system_service.model.snapshot import Container, Run
from tests.fakes.docker_server import DockerServer
from tests.support.engine import DEAF, IMAGE, RealDocker, missing
from tests.support.switch import wait_until

WAIT = 20.0


class Fake:
    """The fake as a contract test sees it."""

    def __init__(self, folder):
        self.server = DockerServer(os.path.join(folder, "s"))
        self.address = self.server.address

    def steady(self, name, labels=None):
        return self.server.create(name, on_term=3, labels=labels or {}).id

    def deaf(self, name):
        return self.server.create(name, on_term=None).id

    def lingering(self, name):
        self.server.create(name, on_term=3, lingers=0.5, start=True)

    def talker(self, name, tty):
        made = self.server.create(name, tty=tty)
        self.server.run(made)
        made.log = [(1, b"out\r\n"), (1, b"more\r\n")] if tty else [(1, b"out\n"), (2, b"err\n")]
        self.server.crash(name, 7)
        return made.id

    def busy(self, name):
        made = self.server.create(name, files={"/etc/super/critical": b"program:one\n"})
        self.server.run(made)
        made.processes = [
            ["7", "/bin/busybox sh -c"],
            ["8", "/bin/busybox sleep 1000", "PATH=/ SUPERVISOR_PROCESS_NAME=one"],
        ]
        return made.id

    def crash(self, name):
        self.server.crash(name, 137)

    def down(self):
        self.server.stop()

    def up(self):
        self.server.start()

    def reset(self):
        self.server.containers.clear()

    def stop(self):
        self.server.stop()


class Real:
    """A real dockerd as a contract test sees it."""

    def __init__(self, folder):
        self.server = RealDocker(os.path.join(folder, "d"))
        self.address = self.server.address
        self.server.import_tiny()
        self.down, self.up = self.server.kill, self.server.start
        self.reset, self.stop = self.server.remove_containers, self.server.stop

    def steady(self, name, labels=None):
        return self.server.create(name, labels=labels)

    def deaf(self, name):
        return self.server.create(name, *DEAF)

    def lingering(self, name):
        made = self.server.create(name, "sh", "-c", "trap 'sleep 0.5; exit 3' TERM; sleep 1000 & wait")
        self.server.client.start(made)
        # Its trap is set by then.
        wait_until("its child", lambda: len(self.server.client.top(made)["Processes"]) == 2)

    def talker(self, name, tty):
        second = "echo more" if tty else "sleep 0.1; echo err >&2"
        made = self.server.create(name, "sh", "-c", f"echo out; {second}; exit 7", tty=tty)
        self.server.client.start(made)
        assert self.server.client.wait(made, timeout=WAIT)["StatusCode"] == 7
        return made

    def busy(self, name):
        told = "echo program:one > /etc/super/critical; SUPERVISOR_PROCESS_NAME=one /bin/busybox sleep 1000 & wait"
        made = self.server.create(name, "sh", "-c", f"/bin/busybox mkdir -p /etc/super; {told}")
        self.server.client.start(made)
        wait_until("its process", lambda: len(self.server.client.top(made)["Processes"]) == 2)
        return made

    def crash(self, name):
        os.kill(self.server.client.inspect_container(name)["State"]["Pid"], signal.SIGKILL)
        self.server.client.wait(name, timeout=WAIT)


@pytest.fixture(scope="module", params=["fake", "real"])
def server(request):
    if request.param == "real" and missing():
        pytest.skip(missing())
    folder = tempfile.mkdtemp(prefix="ce", dir="/tmp")
    made = Real(folder) if request.param == "real" else Fake(folder)
    yield made
    made.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def docker_(server):
    server.reset()
    return server


@pytest.fixture
def engine(docker_):
    return Engine(docker_.address)


@pytest.fixture
def witness(docker_):
    client = docker.APIClient(base_url=f"unix://{docker_.address}", version="1.41", timeout=WAIT)
    yield client
    client.close()


def state(witness, name):
    return witness.inspect_container(name)["State"]["Status"]


def actions(events, last):
    """The actions of events up to the first that is called `last`; all of them, if it never comes."""
    seen = []
    for event in events:
        seen.append(event["Action"])
        if event["Action"] == last:
            break
    return seen


def listening(engine, name):
    return engine.events({"type": ["container"], "container": [name]}, timeout=WAIT)


class TestLooking:
    def test_list_holds_stopped_ones_with_exact_names_and_labels(self, docker_, engine, witness):
        first = docker_.steady("lldp", {"io.kubernetes.container.name": "lldp"})
        second = docker_.steady("lldp2")
        witness.start(second)
        found = {c.name: c for c in engine.containers()}
        assert set(found) == {"lldp", "lldp2"}
        assert found["lldp"] == Container(
            first, "lldp", Run.CREATED, IMAGE, "Created", "", {"io.kubernetes.container.name": "lldp"}
        )
        assert (found["lldp2"].id, found["lldp2"].run, found["lldp2"].labels) == (second, Run.RUNNING, {})
        assert found["lldp2"].status.startswith("Up ")

    def test_states_are_dockers(self, docker_, engine, witness):
        for name in ("made", "runs", "frozen", "over"):
            docker_.steady(name)
        for name in ("runs", "frozen", "over"):
            witness.start(name)
        witness.pause("frozen")
        docker_.crash("over")
        wanted = {"made": Run.CREATED, "runs": Run.RUNNING, "frozen": Run.PAUSED, "over": Run.EXITED}
        assert {c.name: c.run for c in engine.containers()} == wanted
        assert {name: engine.find(name).run for name in wanted} == wanted

    def test_find_knows_only_whole_names(self, docker_, engine):
        made = docker_.steady("snmp", {"a": "b"})
        assert engine.find("snmp") == Container(made, "snmp", Run.CREATED, IMAGE, "", "", {"a": "b"})
        assert engine.find("snm") is None
        assert engine.find("snmp2") is None
        assert engine.find(made[:12]) is None, "the beginning of an id is no name"
        assert engine.find(made) is None

    def test_find_of_a_name_that_begins_several_ids_is_none(self, docker_, engine):
        ids = [docker_.steady(f"n{number}") for number in range(17)]  # two of 17 hex numbers begin alike
        letters = [made[0] for made in ids]
        common = next(letter for letter in letters if letters.count(letter) > 1)
        assert engine.find(common) is None
        with pytest.raises(UnknownFeature):
            engine.stop(common)

    def test_inspect_is_dockers_object(self, docker_, engine):
        made = docker_.steady("snmp")
        assert engine.inspect("snmp")["Id"] == made
        assert engine.inspect(made[:12])["Name"] == "/snmp"

    @pytest.mark.parametrize("name", ["..", "a/b", "a b", "a\n", "", "-x", "\udcff", "a%2fb", "a?all=1", "ä"])
    def test_a_name_docker_cannot_have_given_is_unknown(self, engine, name):
        assert engine.find(name) is None
        with pytest.raises(UnknownFeature):
            engine.stop(name)

    def test_unknown_names(self, engine):
        verbs = [engine.inspect, engine.start, engine.stop, engine.kill, engine.unpause, engine.restart, engine.remove]
        for act in [*verbs, lambda ref: engine.wait(ref, 1), lambda ref: list(engine.logs(ref))]:
            with pytest.raises(UnknownFeature, match=r"^no container nosuch$"):
                act("nosuch")

    def test_processes_with_their_environment(self, docker_, engine):
        docker_.busy("snmp")
        first, second = engine.top("snmp", "pid,ppid,pgid,s,etimes,args")
        assert (second[1], second[3]) == (first[0], "S")
        assert int(first[4]) < 60
        assert first[5].startswith("/bin/busybox sh -c")
        words = second[5].split()
        assert words[:3] == ["/bin/busybox", "sleep", "1000"]
        assert "SUPERVISOR_PROCESS_NAME=one" in words[3:]
        assert engine.top("snmp", "pid,args")[1] == [second[0], second[5]]

    def test_processes_as_they_are_without_being_asked_for_the_environment(self, docker_, witness):
        docker_.busy("snmp")
        told = witness.top("snmp", "-eo pid,args")
        assert told["Processes"][1][1].split() == ["/bin/busybox", "sleep", "1000"]
        with pytest.raises(docker.errors.APIError, match="unknown user-defined format specifier"):
            witness.top("snmp", "-eo nosuch,args")

    def test_images_are_known_by_their_names(self, docker_, witness):
        docker_.steady("snmp")
        id = witness.inspect_image(IMAGE)["Id"]
        assert witness.inspect_container("snmp")["Image"] == witness.inspect_image(id)["Id"] == id
        for name in ("tiny", "nosuch:1", "127.0.0.1:5000/nosuch:1"):
            with pytest.raises(docker.errors.ImageNotFound, match=f"No such image: {name}"):
                witness.inspect_image(name)

    def test_processes_of_a_stopped_one(self, docker_, engine):
        docker_.steady("snmp")
        with pytest.raises(Failed, match="is not running"):
            engine.top("snmp", "pid,args")
        with pytest.raises(UnknownFeature):
            engine.top("lldp", "pid,args")

    @pytest.mark.parametrize(("path", "name"), [("/etc/super", "super/critical"), ("/etc/super/critical", "critical")])
    def test_files_as_an_archive(self, docker_, engine, path, name):
        docker_.busy("snmp")
        with tarfile.open(fileobj=io.BytesIO(engine.archive("snmp", path))) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}
        assert files == {name: b"program:one\n"}
        assert engine.archive("snmp", "/etc/nosuch") is None
        docker_.crash("snmp")
        assert engine.archive("snmp", path) is not None
        with pytest.raises(UnknownFeature):
            engine.archive("lldp", path)

    def test_logs_come_whole_and_in_order(self, docker_, engine):
        docker_.talker("loud", False)
        assert b"".join(engine.logs("loud")) == b"out\nerr\n"
        assert b"".join(engine.logs("loud", tail=1)) == b"err\n"

    def test_logs_of_a_terminal_have_no_frames(self, docker_, engine):
        docker_.talker("term", True)
        assert b"".join(engine.logs("term")) == b"out\r\nmore\r\n"


class TestActing:
    def test_start_twice(self, docker_, engine, witness):
        docker_.steady("snmp")
        assert engine.start("snmp") is True
        assert state(witness, "snmp") == "running"
        assert engine.start("snmp") is False
        assert state(witness, "snmp") == "running"

    def test_stop_twice(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        assert engine.stop("snmp") is True
        assert state(witness, "snmp") == "exited"
        assert engine.stop("snmp") is False

    def test_stop_kills_what_ignores_it(self, docker_, engine, witness):
        witness.start(docker_.deaf("teamd"))
        events = listening(engine, "teamd")
        assert engine.stop("teamd", timeout=1) is True
        assert actions(events, "stop") == ["kill", "kill", "die", "stop"]
        assert engine.wait("teamd", WAIT) == 137

    def test_kill_twice(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        assert engine.kill("snmp") is True
        assert engine.wait("snmp", WAIT) == 137
        assert engine.kill("snmp") is False

    def test_a_paused_one_must_be_unpaused_before_a_start(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        witness.pause("snmp")
        with pytest.raises(Failed, match="cannot start a paused container"):
            engine.start("snmp")
        assert engine.unpause("snmp") is True
        assert state(witness, "snmp") == "running"
        with pytest.raises(Failed, match="is not paused"):
            engine.unpause("snmp")

    def test_stop_of_a_paused_one(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        witness.pause("snmp")
        assert engine.stop("snmp", timeout=2) is True
        assert state(witness, "snmp") == "exited"

    def test_restart_starts_a_stopped_one_too(self, docker_, engine, witness):
        docker_.steady("snmp")
        assert engine.restart("snmp") is True
        assert state(witness, "snmp") == "running"

    def test_remove_needs_force_while_it_runs(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        with pytest.raises(Failed, match="cannot remove a running container"):
            engine.remove("snmp")
        assert engine.remove("snmp", force=True) is True
        assert witness.containers(all=True) == []
        assert engine.find("snmp") is None

    def test_an_action_takes_a_full_id_and_never_the_beginning_of_one(self, docker_, engine, witness):
        made = docker_.steady("snmp")
        assert engine.start(made) is True
        with pytest.raises(UnknownFeature):
            engine.stop(made[:12])
        assert state(witness, "snmp") == "running"

    def test_a_container_with_a_hex_name_is_acted_on(self, docker_, engine, witness):
        docker_.steady("beef")
        assert engine.start("beef") is True
        assert state(witness, "beef") == "running"

    def test_wait_returns_the_exit_code(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        with pytest.raises(TimedOut, match="snmp still runs after"):
            engine.wait("snmp", 0.3)
        engine.stop("snmp")
        assert engine.wait("snmp", WAIT) == 3


class TestEvents:
    """What the waiter relies on: which events, in which order."""

    def test_of_a_stop(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(engine, "snmp")
        engine.stop("snmp")
        assert actions(events, "stop") == ["kill", "die", "stop"]

    def test_a_stop_announces_itself_by_its_signal_and_kills_by_another(self, docker_, engine, witness):
        docker_.lingering("snmp")
        witness.start(docker_.deaf("lldp"))
        for name, seconds, wanted, code in (("snmp", 20, ["15"], "3"), ("lldp", 1, ["15", "9"], "137")):
            events = listening(engine, name)
            engine.stop(name, timeout=seconds)
            told = []
            for event in events:
                told.append(event)
                if event["Action"] == "stop":
                    break
            assert [e["Actor"]["Attributes"]["signal"] for e in told if e["Action"] == "kill"] == wanted
            assert [e["Action"] for e in told[len(wanted) :]] == ["die", "stop"]
            assert told[len(wanted)]["Actor"]["Attributes"]["exitCode"] == code

    def test_a_signal_is_sent_and_nothing_waited_for(self, docker_, engine, witness):
        witness.start(docker_.deaf("snmp"))
        events = listening(engine, "snmp")
        witness.kill("snmp", "SIGTERM")
        told = next(events)
        assert (told["Action"], told["Actor"]["Attributes"]["signal"]) == ("kill", "15")
        assert state(witness, "snmp") == "running"

    def test_of_a_restart(self, docker_, engine, witness):
        made = docker_.steady("snmp")
        witness.start(made)
        events = listening(engine, "snmp")
        engine.restart("snmp")
        assert actions(events, "restart") == ["kill", "die", "stop", "start", "restart"]
        assert engine.find("snmp").id == made

    def test_of_a_crash_and_a_start(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(engine, "snmp")
        docker_.crash("snmp")
        event = next(events)
        assert (event["Action"], event["Actor"]["Attributes"]["exitCode"]) == ("die", "137")
        engine.start("snmp")
        assert next(events)["Action"] == "start"

    def test_of_a_kill_and_a_removal(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(engine, "snmp")
        engine.kill("snmp")
        engine.wait("snmp", WAIT)
        engine.remove("snmp")
        seen = actions(events, "destroy")
        # Docker writes `kill` down after the signal was sent: the death may come first.
        assert sorted(seen[:2]) == ["die", "kill"]
        assert seen[2:] == ["destroy"]

    def test_only_what_was_asked_for(self, docker_, engine, witness):
        docker_.steady("lldp")
        docker_.steady("snmp")
        events = engine.events({"type": ["container"], "event": ["die"]}, timeout=WAIT)
        for name in ("snmp", "lldp"):
            engine.start(name)
            engine.stop(name)
        assert [next(events)["Actor"]["Attributes"]["name"] for _ in range(2)] == ["snmp", "lldp"]

    def test_of_the_past(self, docker_, engine, witness):
        made = docker_.steady("snmp")
        witness.start(made)
        events = engine.events({"container": ["snmp"]}, since=0, timeout=WAIT)
        ours = (event for event in events if event["id"] == made)
        assert actions(ours, "start") == ["create", "start"]

    def test_they_end_at_their_timeout(self, engine):
        assert list(engine.events({"container": ["nosuch"]}, timeout=0.1)) == []


class TestDaemonGone:
    def test_containers_outlive_it_and_streams_say_so(self, docker_, engine, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(engine, "snmp")
        docker_.down()
        try:
            with pytest.raises(Unreachable, match=f"{docker_.address} ended the stream"):
                list(events)
            with pytest.raises(Unreachable, match=f"{docker_.address} cannot be reached: Connection refused"):
                engine.containers()
        finally:
            docker_.up()
        assert engine.find("snmp").run is Run.RUNNING

    def test_versions_are_negotiated(self, docker_, engine):
        docker_.steady("snmp")
        for version in ("1.99", "1.2"):
            engine = Engine(docker_.address)
            engine._version = version
            assert engine.find("snmp").name == "snmp"
            engine._version = version
            assert list(engine.events({"container": ["nosuch"]}, timeout=0.1)) == []
