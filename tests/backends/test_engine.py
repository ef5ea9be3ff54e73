"""The engine backend and all that can be wrong with Docker: which error, in a sentence that names the address."""

import errno
import json
import os
import shutil
import socket
import tempfile
import threading
import time

import pytest

from system_service.backends.engine import Engine
from system_service.errors import Failed, NotPermitted, UnknownFeature, Unreachable
from system_service.model.snapshot import Run
from tests.fakes.docker_server import DockerServer


def answer(body, status="200 OK", kind="application/json", length=None):
    body = body if isinstance(body, bytes) else json.dumps(body).encode()
    length = len(body) if length is None else length
    return f"HTTP/1.0 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n".encode() + body


HTML = b"<html><h1>502 Bad Gateway</h1></html>"


@pytest.fixture
def folder():
    made = tempfile.mkdtemp(prefix="be", dir="/tmp")
    yield made
    shutil.rmtree(made)


@pytest.fixture
def server(folder):
    with DockerServer(os.path.join(folder, "s")) as made:
        yield made


@pytest.fixture
def engine(server):
    return Engine(server.address, timeout=5)


def unreachable(engine, told, act=None):
    with pytest.raises(Unreachable) as caught:
        act() if act else engine.containers()
    assert f"Docker at {engine.address} " in str(caught.value)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.resolution == "systemctl status docker"


class TestAddress:
    def test_default(self, monkeypatch):
        monkeypatch.delenv("DOCKER_HOST", raising=False)
        assert Engine.from_env().address == "/var/run/docker.sock"
        monkeypatch.setenv("DOCKER_HOST", "")
        assert Engine.from_env().address == "/var/run/docker.sock"

    def test_of_the_environment(self, monkeypatch):
        monkeypatch.setenv("DOCKER_HOST", "unix:///run/other.sock")
        engine = Engine.from_env()
        assert engine.address == "/run/other.sock"
        assert engine.client_argv("logs", "-f", "abc") == [
            "docker",
            "-H",
            "unix:///run/other.sock",
            "logs",
            "-f",
            "abc",
        ]

    @pytest.mark.parametrize(
        "host", ["tcp://10.0.0.1:2375", "ssh://x", "/run/docker.sock", "unix://", "unix://rel", "x"]
    )
    def test_of_another_kind(self, monkeypatch, host):
        monkeypatch.setenv("DOCKER_HOST", host)
        with pytest.raises(Unreachable, match=f"DOCKER_HOST is {host}, and only unix:///PATH is spoken here"):
            Engine.from_env()


class TestDown:
    def test_no_socket(self, folder):
        engine = Engine(os.path.join(folder, "none"))
        unreachable(engine, "cannot be reached: No such file or directory")

    def test_a_plain_file(self, folder):
        path = os.path.join(folder, "file")
        with open(path, "w", encoding="ascii"):
            pass
        unreachable(Engine(path), "cannot be reached: Connection refused")

    def test_nobody_listens(self, server, engine):
        server.stop()
        unreachable(engine, "cannot be reached: Connection refused")
        unreachable(engine, "cannot be reached: Connection refused", lambda: engine.events({}))

    def test_a_path_that_is_too_long(self):
        unreachable(Engine("/" + "x" * 200), "cannot be reached: AF_UNIX path too long")

    @pytest.mark.parametrize("number", [errno.EACCES, errno.EPERM])
    def test_not_permitted(self, mocker, engine, number):
        denied = OSError(number, os.strerror(number))
        mocker.patch("system_service.wire.http.socket.socket").return_value.connect.side_effect = denied
        for act in (engine.containers, lambda: engine.start("snmp"), lambda: engine.events({})):
            with pytest.raises(NotPermitted, match=f"Docker at {engine.address} may not be asked") as caught:
                act()
            assert "docker group" in caught.value.resolution

    def test_hanging(self, server):
        engine = Engine(server.address, timeout=0.2)
        server.inject(".", "hang")
        before = time.monotonic()
        unreachable(engine, "did not answer within 0.2 s")
        unreachable(engine, "did not answer within 0.2 s", lambda: engine.events({}))
        assert time.monotonic() - before < 3

    def test_a_request_that_comes_to_hang_when_the_server_ends_does_not_keep_it(self, server, mocker):
        """Of a client that has long gone, on a busy machine."""
        server.inject(".", "hang")
        arrived, go = threading.Event(), threading.Event()
        look = server.failure_for
        mocker.patch.object(server, "failure_for", lambda call: (arrived.set(), go.wait(10), look(call))[2])
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(server.address)
            client.sendall(b"GET /info HTTP/1.0\r\n\r\n")
            assert arrived.wait(10)
        end = server._server
        stop = threading.Thread(target=server.stop)
        stop.start()
        with server.changed:
            assert server.changed.wait_for(lambda: end.over, 10)
        go.set()
        stop.join(10)
        assert not stop.is_alive()

    def test_slow_is_no_failure(self, server, engine):
        server.create("snmp")
        server.inject(".", "slow", seconds=0.2)
        assert [c.name for c in engine.containers()] == ["snmp"]

    def test_a_stop_may_take_its_timeout_and_more(self, server):
        engine = Engine(server.address, timeout=0.1)
        server.create("teamd", start=True, on_term=None)
        assert engine.stop("teamd", timeout=1) is True


NONSENSE = {
    "no list": (answer({"a": 1}), "a list of containers that is none"),
    "null": (answer(None), "a list of containers that is none"),
    "no JSON": (answer(b"hello"), "no JSON: 'hello'"),
    "nothing": (answer(b""), "no JSON: ''"),
    "half a body": (answer(b'[{"Id":', length=500), "hung up after 7 of 500 bytes"),
    "half a body, no length": (b'HTTP/1.0 200 OK\r\n\r\n[{"Id": "a', "no JSON: "),
    "deep": (answer(b"[" * 100_000), "no JSON: "),
    "a huge number": (answer(b"[" + b"9" * 10_000 + b"]"), "no JSON: "),
    "no text": (answer(b"\xff\xfe"), "no JSON: "),
    "HTML": (answer(HTML, "500 Internal Server Error", "text/html"), "500 <html><h1>502 Bad Gateway"),
    "HTML over lines": (answer(b"<html>\n\x1b[31m", "502 Bad Gateway"), "502 <html> ?[31m"),
    "a message that is none": (answer({"message": 5}, "500 Oops"), '500 {"message": 5}'),
    "a redirect": (answer({"message": "go"}, "301 Moved"), "301 "),
    "404 of a stranger": (answer(b"404 page not found", "404 Not Found"), "404 404 page not found"),
    "garbage": (b"\0\1garbage", "does not speak HTTP"),
    "a huge header": (b"HTTP/1.0 200 OK\r\nX: " + b"y" * 200_000, "its headers have no end"),
    "nothing at all": (b"", "hung up without an answer"),
}


class TestNonsense:
    @pytest.mark.parametrize("case", NONSENSE)
    def test_for_a_list(self, server, engine, case):
        raw, told = NONSENSE[case]
        server.inject("containers", "raw", raw)
        unreachable(engine, f"answered nonsense: {'it ' if told[:4] in ('hung', 'does') else ''}{told}")

    @pytest.mark.parametrize("case", ["half a body", "HTML", "garbage", "nothing at all", "404 of a stranger"])
    @pytest.mark.parametrize("verb", ["start", "stop", "kill", "restart", "unpause", "remove", "inspect", "find"])
    def test_for_every_verb(self, server, engine, verb, case):
        server.create("snmp", start=True)
        raw, told = NONSENSE[case]
        server.inject("containers", "raw", raw)
        unreachable(engine, told, lambda: getattr(engine, verb)("snmp"))

    @pytest.mark.parametrize("told", [None, [], 5, "x"])
    def test_for_an_inspect(self, server, engine, told):
        server.inject("json", "raw", answer(told))
        unreachable(engine, "a container that is none", lambda: engine.find("snmp"))

    @pytest.mark.parametrize("told", [{}, [], None, {"Processes": "x"}, {"Processes": 5}])
    def test_for_processes(self, server, engine, told):
        server.inject("top", "raw", answer(told))
        unreachable(engine, "processes that are none", lambda: engine.top("snmp", "pid,args"))

    def test_processes_of_one_that_is_just_ending(self, server, engine):
        server.inject("top", "raw", answer({"Titles": ["PID"], "Processes": None}), times=1)
        assert engine.top("snmp", "pid,args") == []
        rows = [["1", "a"], ["1"], "x", None, [2, "b"]]
        server.inject("top", "raw", answer({"Processes": rows}), times=1)
        assert engine.top("snmp", "pid,args") == [["1", "a"], ["2", "b"]]

    @pytest.mark.parametrize("told", [{}, [], {"StatusCode": "0"}, {"StatusCode": None}])
    def test_for_a_wait(self, server, engine, told):
        server.inject("wait", "raw", answer(told))
        unreachable(engine, "an end without an exit code", lambda: engine.wait("snmp", 5))

    @pytest.mark.parametrize("log", [b"\x01\0\0\0\0\0\0\x09half", b"\x01\0\0", b"plain text", b"\x09\0\0\0\0\0\0\0"])
    def test_for_a_log(self, server, engine, log):
        server.create("snmp")
        server.inject("logs", "raw", b"HTTP/1.0 200 OK\r\n\r\n" + log)
        unreachable(engine, "log", lambda: list(engine.logs("snmp")))

    def test_for_events(self, server, engine):
        server.inject("events", "raw", b'HTTP/1.0 200 OK\r\n\r\n{"Action": "die"}\n\n[]\n5\nhello\n')
        events = engine.events({})
        assert next(events) == {"Action": "die"}
        unreachable(engine, "no JSON: 'hello'", lambda: next(events))

    def test_for_an_event_without_end(self, server, engine):
        server.inject("events", "raw", b"HTTP/1.0 200 OK\r\n\r\n" + b"x" * (2 << 20))
        unreachable(engine, "an event without an end", lambda: list(engine.events({})))

    def test_a_log_that_falls_silent(self, server):
        server.create("snmp")
        server.inject("logs", "hang")
        engine = Engine(server.address, timeout=0.2)
        unreachable(engine, "did not answer within 0.2 s", lambda: list(engine.logs("snmp")))


class TestRefusals:
    def test_dockers_sentence_is_told(self, server, engine):
        sentence = "driver failed\n programming: \x1b[1mno space left on device"
        server.inject("containers", "raw", answer({"message": sentence}, "500 Internal Server Error"))
        for act in (engine.containers, lambda: engine.start("snmp"), lambda: engine.find("snmp")):
            with pytest.raises(Failed) as caught:
                act()
            assert str(caught.value) == "Docker: driver failed programming: ?[1mno space left on device"

    def test_conflict(self, server, engine):
        server.inject("DELETE", "raw", answer({"message": "removal of snmp is already in progress"}, "409 Conflict"))
        with pytest.raises(Failed, match="already in progress"):
            engine.remove("snmp")

    def test_removed_between_list_and_call(self, server, engine):
        server.create("snmp", start=True)
        (seen,) = engine.containers()
        server.remove(server.get("snmp"), force=True)
        for act in (engine.start, engine.stop, engine.kill, engine.inspect):
            with pytest.raises(UnknownFeature, match=f"no container {seen.id}"):
                act(seen.id)

    def test_podmans_word_for_unknown(self, server, engine):
        told = {"message": 'no container with name or ID "snmp" found: no such container'}
        server.inject("containers", "raw", answer(told, "404 Not Found"))
        assert engine.find("snmp") is None


class TestVersions:
    @pytest.mark.parametrize(("api", "least"), [("1.30", "1.12"), ("1.52", "1.44")])
    def test_the_daemons_is_taken_and_remembered(self, folder, api, least):
        with DockerServer(os.path.join(folder, "v"), api, least) as server:
            server.create("snmp")
            engine = Engine(server.address)
            assert engine.start("snmp") is True
            assert server.calls["POST", "/containers/snmp/start"] == 2
            assert engine.start("snmp") is False
            assert server.calls["POST", "/containers/snmp/start"] == 3

    @pytest.mark.parametrize("named", ["", "1.41", "x", "1.4/../..", "²", "1" * 40])
    def test_a_daemon_that_names_no_other_is_asked_once(self, server, engine, named):
        body = json.dumps({"message": "client version 1.41 is too old"}).encode()
        head = f"HTTP/1.0 400 Bad Request\r\nApi-Version: {named}\r\nContent-Length: {len(body)}\r\n\r\n"
        server.inject("containers", "raw", head.encode("utf-8") + body)
        with pytest.raises(Failed, match=r"Docker: client version 1\.41 is too old"):
            engine.containers()
        assert server.calls["GET", "/containers/json"] == 1

    def test_chunks_of_a_proxy(self, server, engine):
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        server.inject("containers", "raw", head + b'd\r\n[{"Id": "abc"\r\n2\r\n}]\r\n0\r\n\r\n')
        assert [c.id for c in engine.containers()] == ["abc"]


class TestRows:
    def one(self, server, engine, **row):
        server.inject("containers", "raw", answer([{"Id": "abc", **row}]), times=1)
        (found,) = engine.containers()
        return found

    def test_rows_that_are_none_are_left_out(self, server, engine):
        rows = [None, 5, "x", [], {}, {"Id": 5}, {"Id": ""}, {"Id": None}, {"Id": "abc", "Names": ["/snmp"]}]
        server.inject("containers", "raw", answer(rows))
        assert [(c.id, c.name) for c in engine.containers()] == [("abc", "snmp")]

    @pytest.mark.parametrize(
        ("names", "name"),
        [
            (["/snmp"], "snmp"),
            (["/other/alias", "/snmp"], "snmp"),
            (["/snmp", "/other/alias"], "snmp"),
            ([5, None, "/snmp"], "snmp"),
            (["/other/alias"], ""),
            ([], ""),
            (None, ""),
            ("/snmp", ""),
            ({"/snmp": 1}, ""),
            (["/half\ud800"], "half?"),
        ],
    )
    def test_names(self, server, engine, names, name):
        assert self.one(server, engine, Names=names).name == name

    @pytest.mark.parametrize(
        ("word", "status", "run"),
        [
            ("running", "Up 2 hours", Run.RUNNING),
            ("removing", "Removal In Progress", Run.REMOVING),
            ("dead", "Dead", Run.DEAD),
            ("restarting", "Restarting (1) 5 seconds ago", Run.RESTARTING),
            ("stopping", "Up 2 hours", Run.RUNNING),
            ("initialized", "Created", Run.DEAD),
            ("absent", "", Run.DEAD),
            (None, "Up 2 hours", Run.RUNNING),
            (["running"], 5, Run.DEAD),
        ],
    )
    def test_states(self, server, engine, word, status, run):
        assert self.one(server, engine, State=word, Status=status).run is run

    @pytest.mark.parametrize(
        ("status", "health"),
        [
            ("Up 2 hours (healthy)", "healthy"),
            ("Up 2 hours (unhealthy)", "unhealthy"),
            ("Up 2 seconds (health: starting)", "starting"),
            ("Up 2 hours (Paused)", ""),
            ("Exited (0) 2 hours ago", ""),
            (None, ""),
        ],
    )
    def test_health(self, server, engine, status, health):
        assert self.one(server, engine, State="running", Status=status).health == health

    def test_labels(self, server, engine):
        assert self.one(server, engine, Labels={"a": "b", "c": 5, "d": None}).labels == {"a": "b"}
        for labels in (None, [], "a=b"):
            assert self.one(server, engine, Labels=labels).labels == {}

    def test_an_inspect_of_another_engine(self, server, engine):
        told = {"Id": 5, "Name": "/snmp", "State": {"Status": "stopping", "Running": True}, "Config": []}
        server.inject("json", "raw", answer(told), times=1)
        found = engine.find("snmp")
        assert (found.id, found.run, found.image, found.labels, found.health) == ("", Run.RUNNING, "", {}, "")

    def test_health_of_an_inspect(self, server, engine):
        for told, health in (("healthy", "healthy"), ("none", ""), ("starting", "starting"), ("", "")):
            server.containers.clear()
            server.create("snmp", health=told)
            assert engine.find("snmp").health == health


def test_a_list_is_one_call_however_many_containers(server, engine):
    for number in range(100):
        server.create(f"feature{number}")
    assert len(engine.containers()) == 100
    assert sum(server.calls.values()) == 1
