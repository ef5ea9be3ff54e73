"""What our client needs of Docker, run against the fake and against a real dockerd alike.

The `docker` package is the witness: it tells what became of the containers.
"""

import io
import json
import os
import shutil
import signal
import tarfile
import tempfile
import time
from contextlib import closing

import docker
import pytest

from system_service.backends.docker import Docker
from system_service.errors import Failed, UnknownFeature, Unreachable
from system_service.model.snapshot import Container, Run
from system_service.waiting.events import Events
from system_service.wire.http import quote
from tests.fakes.docker_server import DockerServer
from tests.support.engine import DEAF, IMAGE, RealDocker, missing
from tests.support.switch import wait_until

WAIT = 20.0


class Fake:
    """The fake as a contract test sees it."""

    def __init__(self, folder):
        self.server = DockerServer(os.path.join(folder, "s"))
        self.server.start_takes = 0.05
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
def ours(docker_):
    return Docker(docker_.address)


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


def listening(ours, name):
    return told(ours, {"type": ["container"], "container": [name]})


def told(ours, filters, since=None):
    """Events from this call on, or since then (Unix time), as they happen. TimeoutError after WAIT seconds without."""
    since = time.time() if since is None else since
    connection, rest = ours.stream(f"/events?since={since:.9f}&filters={quote(json.dumps(filters))}")
    connection.settimeout(WAIT)

    def events():
        buffer = rest
        with closing(connection):
            while True:
                *lines, buffer = buffer.split(b"\n")
                yield from (json.loads(line) for line in lines if line.strip())
                piece = connection.recv(65536)
                if not piece:
                    return
                buffer += piece

    return events()


class TestLooking:
    def test_list_holds_stopped_ones_with_exact_names_and_labels(self, docker_, ours, witness):
        first = docker_.steady("lldp", {"io.kubernetes.container.name": "lldp"})
        second = docker_.steady("lldp2")
        witness.start(second)
        found = {c.name: c for c in ours.containers()}
        assert set(found) == {"lldp", "lldp2"}
        assert found["lldp"] == Container(
            first, "lldp", Run.CREATED, IMAGE, "Created", "", {"io.kubernetes.container.name": "lldp"}
        )
        assert (found["lldp2"].id, found["lldp2"].run, found["lldp2"].labels) == (second, Run.RUNNING, {})
        assert found["lldp2"].status.startswith("Up ")

    def test_states_are_dockers(self, docker_, ours, witness):
        for name in ("made", "runs", "frozen", "over"):
            docker_.steady(name)
        for name in ("runs", "frozen", "over"):
            witness.start(name)
        witness.pause("frozen")
        docker_.crash("over")
        wanted = {"made": Run.CREATED, "runs": Run.RUNNING, "frozen": Run.PAUSED, "over": Run.EXITED}
        assert {c.name: c.run for c in ours.containers()} == wanted
        assert {name: ours.find(name).run for name in wanted} == wanted

    def test_find_knows_only_whole_names(self, docker_, ours):
        made = docker_.steady("snmp", {"a": "b"})
        assert ours.find("snmp") == Container(made, "snmp", Run.CREATED, IMAGE, "", "", {"a": "b"})
        assert ours.find("snm") is None
        assert ours.find("snmp2") is None
        assert ours.find(made[:12]) is None, "the beginning of an id is no name"
        assert ours.find(made) is None

    def test_find_of_a_name_that_begins_several_ids_is_none(self, docker_, ours):
        ids = [docker_.steady(f"n{number}") for number in range(17)]  # two of 17 hex numbers begin alike
        letters = [made[0] for made in ids]
        common = next(letter for letter in letters if letters.count(letter) > 1)
        assert ours.find(common) is None
        assert ours.stop(common, 10) is None

    def test_inspect_is_dockers_object(self, docker_, ours):
        made = docker_.steady("snmp")
        assert ours.inspect("snmp")["Id"] == made
        assert ours.inspect(made[:12])["Name"] == "/snmp"
        assert ours.inspect(made[:11]) is None, "so short it is nobody's id"
        assert ours.inspect("nosuch") is None

    def test_those_with_all_labels_that_run_oldest_first(self, docker_, ours, witness):
        labels = {"a": "1", "b": "2"}
        older, frozen, newer = (docker_.steady(f"n{number}", labels) for number in range(3))
        for made in (newer, frozen, older, docker_.steady("n3", {"a": "1"}), docker_.steady("n4")):
            witness.start(made)
        witness.pause(frozen)
        docker_.steady("n5", labels)
        assert ours.running(["a=1", "b=2"]) == [older, frozen, newer]

    @pytest.mark.parametrize("name", ["..", "a/b", "a b", "a\n", "", "-x", "\udcff", "a%2fb", "a?all=1", "ä"])
    def test_a_name_docker_cannot_have_given_is_unknown(self, ours, name):
        assert (ours.find(name), ours.stop(name, 10), ours.kill(name)) == (None, None, None)
        with pytest.raises(UnknownFeature, match=r"^no container '"):
            ours.start(name)

    def test_unknown_names(self, ours):
        verbs = [ours.start, ours.unpause, lambda ref: ours.restart(ref, 10), lambda ref: ours.logs(ref, 20)]
        for act in [*verbs, lambda ref: ours.archive(ref, "/etc"), lambda ref: ours.restart(ref, 10, lambda: None)]:
            with pytest.raises(UnknownFeature, match=r"^no container nosuch$"):
                act("nosuch")
        assert (ours.inspect("nosuch"), ours.stop("nosuch", 10), ours.kill("nosuch")) == (None, None, None)

    def test_processes_with_their_environment(self, docker_, ours):
        docker_.busy("snmp")
        first, second = ours.top("snmp", "pid,ppid,pgid,s,etimes,args")
        assert (second[1], second[3]) == (first[0], "S")
        assert int(first[4]) < 60
        assert first[5].startswith("/bin/busybox sh -c")
        words = second[5].split()
        assert words[:3] == ["/bin/busybox", "sleep", "1000"]
        assert "SUPERVISOR_PROCESS_NAME=one" in words[3:]
        assert ours.top("snmp", "pid,args")[1] == [second[0], second[5]]

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

    def test_processes_of_a_stopped_one(self, docker_, ours):
        docker_.steady("snmp")
        assert ours.top("snmp", "pid,args") is None
        assert ours.top("lldp", "pid,args") is None

    @pytest.mark.parametrize(("path", "name"), [("/etc/super", "super/critical"), ("/etc/super/critical", "critical")])
    def test_files_as_an_archive(self, docker_, ours, path, name):
        docker_.busy("snmp")
        with tarfile.open(fileobj=io.BytesIO(ours.archive("snmp", path))) as tar:
            files = {member.name: tar.extractfile(member).read() for member in tar if member.isreg()}
        assert files == {name: b"program:one\n"}
        assert ours.archive("snmp", "/etc/nosuch") is None
        docker_.crash("snmp")
        assert ours.archive("snmp", path) is not None
        with pytest.raises(UnknownFeature):
            ours.archive("lldp", path)

    def test_a_file_of_a_container(self, docker_, ours):
        docker_.busy("snmp")
        assert ours.read("snmp", "/etc/super/critical") == b"program:one\n"
        assert ours.read("snmp", "/etc/super/nosuch") is None
        assert ours.read("lldp", "/etc/super/critical") is None

    def test_logs_come_whole_and_in_order(self, docker_, ours):
        docker_.talker("loud", False)
        assert ours.logs("loud", 20) == b"out\nerr\n"
        assert ours.logs("loud", 1) == b"err\n"

    def test_logs_of_a_terminal_have_no_frames(self, docker_, ours):
        docker_.talker("term", True)
        assert ours.logs("term", 20) == b"out\r\nmore\r\n"


class TestActing:
    def test_start_twice(self, docker_, ours, witness):
        docker_.steady("snmp")
        assert ours.start("snmp") is True
        assert state(witness, "snmp") == "running"
        assert ours.start("snmp") is False
        assert state(witness, "snmp") == "running"

    def test_stop_twice(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        assert ours.stop("snmp", 10) is True
        assert state(witness, "snmp") == "exited"
        assert ours.stop("snmp", 10) is False

    def test_stop_kills_what_ignores_it(self, docker_, ours, witness):
        witness.start(docker_.deaf("teamd"))
        events = listening(ours, "teamd")
        assert ours.stop("teamd", 1) is True
        assert actions(events, "stop") == ["kill", "kill", "die", "stop"]
        assert witness.wait("teamd", timeout=WAIT)["StatusCode"] == 137

    def test_kill_twice(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        assert ours.kill("snmp") is True
        assert witness.wait("snmp", timeout=WAIT)["StatusCode"] == 137
        assert ours.kill("snmp") is False

    def test_a_paused_one_must_be_unpaused_before_a_start(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        witness.pause("snmp")
        with pytest.raises(Failed, match="cannot start a paused container"):
            ours.start("snmp")
        ours.unpause("snmp")
        assert state(witness, "snmp") == "running"
        with pytest.raises(Failed, match="is not paused"):
            ours.unpause("snmp")

    def test_stop_of_a_paused_one(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        witness.pause("snmp")
        assert ours.stop("snmp", 2) is True
        assert state(witness, "snmp") == "exited"

    def test_restart_starts_a_stopped_one_too(self, docker_, ours, witness):
        docker_.steady("snmp")
        ours.restart("snmp", 10)
        assert state(witness, "snmp") == "running"

    def test_something_is_done_between_the_end_and_the_start_of_a_restart(self, docker_, ours, witness):
        made = docker_.steady("snmp")
        witness.start(made)
        events, begun = listening(ours, "snmp"), []
        ours.restart("snmp", 10, lambda: begun.append(witness.inspect_container(made)["Id"]))
        assert begun == [made]
        assert actions(events, "restart") == ["kill", "die", "stop", "start", "restart"]
        assert state(witness, "snmp") == "running"

    def test_nothing_is_done_between_where_there_was_no_end(self, docker_, ours, witness):
        docker_.steady("snmp")
        ours.restart("snmp", 1, lambda: pytest.fail("it did not run"))
        assert state(witness, "snmp") == "running"

    def test_remove_needs_force_while_it_runs(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        with pytest.raises(docker.errors.APIError, match="cannot remove a running container"):
            witness.remove_container("snmp")
        witness.remove_container("snmp", force=True)
        assert witness.containers(all=True) == []
        assert ours.find("snmp") is None

    def test_an_action_takes_a_full_id_and_never_the_beginning_of_one(self, docker_, ours, witness):
        made = docker_.steady("snmp")
        assert ours.start(made) is True
        assert ours.stop(made[:12], 10) is None
        assert state(witness, "snmp") == "running"

    def test_a_container_with_a_hex_name_is_acted_on(self, docker_, ours, witness):
        docker_.steady("beef")
        assert ours.start("beef") is True
        assert state(witness, "beef") == "running"

    def test_the_exit_code(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        ours.stop("snmp", 10)
        assert witness.wait("snmp", timeout=WAIT)["StatusCode"] == 3


class TestEvents:
    """What the waiter relies on: which events, in which order."""

    def test_of_a_stop(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(ours, "snmp")
        ours.stop("snmp", 10)
        assert actions(events, "stop") == ["kill", "die", "stop"]

    def test_a_stop_announces_itself_by_its_signal_and_kills_by_another(self, docker_, ours, witness):
        docker_.lingering("snmp")
        witness.start(docker_.deaf("lldp"))
        for name, seconds, wanted, code in (("snmp", 20, ["15"], "3"), ("lldp", 1, ["15", "9"], "137")):
            events = listening(ours, name)
            ours.stop(name, seconds)
            seen = []
            for event in events:
                seen.append(event)
                if event["Action"] == "stop":
                    break
            assert [e["Actor"]["Attributes"]["signal"] for e in seen if e["Action"] == "kill"] == wanted
            assert [e["Action"] for e in seen[len(wanted) :]] == ["die", "stop"]
            assert seen[len(wanted)]["Actor"]["Attributes"]["exitCode"] == code

    def test_a_signal_is_sent_and_nothing_waited_for(self, docker_, ours, witness):
        witness.start(docker_.deaf("snmp"))
        events = listening(ours, "snmp")
        witness.kill("snmp", "SIGTERM")
        event = next(events)
        assert (event["Action"], event["Actor"]["Attributes"]["signal"]) == ("kill", "15")
        assert state(witness, "snmp") == "running"

    def test_of_a_restart(self, docker_, ours, witness):
        made = docker_.steady("snmp")
        witness.start(made)
        events = listening(ours, "snmp")
        ours.restart("snmp", 10)
        assert actions(events, "restart") == ["kill", "die", "stop", "start", "restart"]
        assert ours.find("snmp").id == made

    def test_of_a_crash_and_a_start(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(ours, "snmp")
        docker_.crash("snmp")
        event = next(events)
        assert (event["Action"], event["Actor"]["Attributes"]["exitCode"]) == ("die", "137")
        ours.start("snmp")
        assert next(events)["Action"] == "start"

    def test_of_a_kill_and_a_removal(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        events = listening(ours, "snmp")
        ours.kill("snmp")
        witness.wait("snmp", timeout=WAIT)
        witness.remove_container("snmp")
        seen = actions(events, "destroy")
        # Docker writes `kill` down after the signal was sent: the death may come first.
        assert sorted(seen[:2]) == ["die", "kill"]
        assert seen[2:] == ["destroy"]

    def test_only_what_was_asked_for(self, docker_, ours, witness):
        docker_.steady("lldp")
        docker_.steady("snmp")
        events = told(ours, {"type": ["container"], "event": ["die"]})
        for name in ("snmp", "lldp"):
            ours.start(name)
            ours.stop(name, 10)
        assert [next(events)["Actor"]["Attributes"]["name"] for _ in range(2)] == ["snmp", "lldp"]

    def test_of_the_past(self, docker_, ours, witness):
        made = docker_.steady("snmp")
        witness.start(made)
        events = told(ours, {"container": ["snmp"]}, since=0)
        its_own = (event for event in events if event["id"] == made)
        assert actions(its_own, "start") == ["create", "start"]


class TestDaemonGone:
    def test_containers_outlive_it_and_streams_say_so(self, docker_, ours, witness):
        witness.start(docker_.steady("snmp"))
        events = Events(ours, "snmp")
        events.open()
        docker_.down()
        try:
            with pytest.raises(Unreachable, match=f"^Docker at {docker_.address} ended the stream of events$"):
                wait_until("its end", lambda: events.read() and None)
            with pytest.raises(Unreachable, match=f"{docker_.address} cannot be reached: Connection refused"):
                ours.containers()
        finally:
            docker_.up()
        assert ours.find("snmp").run is Run.RUNNING

    def test_versions_are_negotiated(self, docker_, ours):
        docker_.steady("snmp")
        for version in ("1.99", "1.2"):
            ours = Docker(docker_.address)
            ours._version = version
            assert ours.find("snmp").name == "snmp"
            ours._version = version
            told(ours, {"container": ["nosuch"]}).close()
            ours._version = version
            events = Events(ours, "snmp")
            events.open()
            events.close()
