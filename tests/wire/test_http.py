"""One exchange with whatever may sit behind a unix socket. The server here sends exactly what a test says."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time

import pytest

from system_service.wire import http

OK = b"HTTP/1.0 200 OK\r\n"


class Answering:
    """Accepts connections one after the other; sends `pieces`, then closes, or keeps the connection open."""

    def __init__(self, folder):
        self.address = os.path.join(folder, "s")
        self.pieces, self.keep_open, self.asked = [], False, b""
        self._kept = []
        self._ended = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.address)
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self):
        while True:
            connection, _ = self._listener.accept()
            if self._ended.is_set():
                connection.close()
                return
            connection.settimeout(5)
            while b"\r\n\r\n" not in self.asked:
                self.asked += connection.recv(65536)
            with contextlib.suppress(OSError):  # a client that has had enough
                for piece in self.pieces:
                    connection.sendall(piece)
            if self.keep_open:
                self._kept.append(connection)
            else:
                connection.close()

    def stop(self):
        self._ended.set()
        with socket.socket(socket.AF_UNIX) as last:
            last.connect(self.address)
        self._thread.join()
        for connection in [*self._kept, self._listener]:
            connection.close()


@pytest.fixture
def server():
    folder = tempfile.mkdtemp(prefix="wh", dir="/tmp")
    made = Answering(folder)
    yield made
    made.stop()
    shutil.rmtree(folder)


def get(server, timeout=5.0):
    return http.request(server.address, "GET", "/x", timeout=timeout)


def test_what_is_sent(server):
    server.pieces = [OK + b"\r\n"]
    http.request(server.address, "POST", "/v1.41/x?t=1", b"{}", timeout=5, headers=[("X-A", "b")])
    assert server.asked == (
        b"POST /v1.41/x?t=1 HTTP/1.0\r\nHost: localhost\r\nX-A: b\r\n"
        b"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
    )


def test_an_answer_in_single_bytes(server):
    server.pieces = [bytes([byte]) for byte in OK + b"Content-Length: 4\r\nX-Y:  z \r\n\r\nbody"]
    answer = get(server)
    assert (answer.status, answer.headers, answer.body) == (200, {"content-length": "4", "x-y": "z"}, b"body")


def test_a_body_without_length_ends_with_the_connection(server):
    server.pieces = [OK + b"\r\nab", b"cd"]
    assert get(server).body == b"abcd"


@pytest.mark.parametrize("head", [OK + b"Content-Length: 2\r\n\r\n[]", b"HTTP/1.1 304 Not Modified\r\n\r\n"])
def test_an_answer_is_whole_though_the_connection_stays_open(server, head):
    server.pieces, server.keep_open = [head], True
    assert get(server).status in (200, 304)


def test_more_than_was_announced_is_left_out(server):
    server.pieces = [OK + b"Content-Length: 2\r\n\r\n[]surplus"]
    assert get(server).body == b"[]"


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (b"", "hung up without an answer"),
        (b"HT", "hung up in the middle"),
        (OK + b"Content-Le", "hung up in the middle"),
        (b"garbage\r\n\r\n", "does not speak HTTP: b'garbage"),
        (b"SSH-2.0-OpenSSH\r\n", "does not speak HTTP"),
        (b"\x00\xff\x00", "does not speak HTTP"),
        (b"HTTP/1.0 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.0 99999 OK\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/1.0\r\n\r\n", "does not speak HTTP"),
        (b"HTTP/2 200\r\n\r\n", "does not speak HTTP"),
        (OK + b"X: " + b"y" * 200_000, "headers have no end"),
        (OK + b"Content-Length: 10\r\n\r\nhalf", "hung up after 4 of 10 bytes"),
        (OK + b"Content-Length: -1\r\n\r\n", "announces a body of '-1' bytes"),
        (OK + b"Content-Length: 99999999999\r\n\r\n", "announces a body"),
        (OK + b"Content-Length: \xb2\r\n\r\n", "announces a body"),
        (OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", "answers a request of HTTP/1.0 in chunks"),
        (b"HTTP/1.1 404 No\r\ntransfer-encoding: gzip, Chunked\r\n\r\n0\r\n\r\n", "HTTP/1.0 in chunks"),
    ],
)
def test_what_is_no_answer(server, answer, told):
    server.pieces = [answer]
    with pytest.raises(http.HTTPError) as caught:
        get(server)
    assert told in str(caught.value)


@pytest.mark.parametrize("beginning", [b"", b"HTTP/1.0 200", OK + b"\r\n[", OK + b"Content-Length: 9\r\n\r\n["])
def test_the_timeout_covers_every_part(server, beginning):
    server.pieces, server.keep_open = [beginning], True
    before = time.monotonic()
    with pytest.raises(TimeoutError):
        get(server, timeout=0.2)
    assert 0.15 < time.monotonic() - before < 2


def test_a_byte_now_and_then_does_not_stretch_the_timeout(server):
    pause = threading.Event()

    def drip():
        yield OK + b"\r\n"
        while not pause.wait(0.02):  # the drip itself, not a wait for something
            yield b"x"

    server.pieces = drip()
    before = time.monotonic()
    with pytest.raises(TimeoutError):
        get(server, timeout=0.3)
    pause.set()
    assert time.monotonic() - before < 2


def test_a_stream_comes_with_what_was_read_too_far(server):
    server.pieces, server.keep_open = [OK + b"\r\nfirst"], True
    connection, rest = http.stream(server.address, "/events", timeout=5)
    with contextlib.closing(connection):
        while len(rest) < 5:
            rest += connection.recv(5)
    assert rest == b"first"


def test_a_stream_that_is_refused_tells_why(server):
    server.pieces = [b"HTTP/1.0 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"]
    with pytest.raises(http.StatusError, match="it answered 404") as caught:
        http.stream(server.address, "/events", timeout=5)
    assert (caught.value.response.status, caught.value.response.body) == (404, b"{}")


def test_a_stream_in_chunks_is_refused(server):
    server.pieces, server.keep_open = [OK + b"Transfer-Encoding: chunked\r\n\r\n"], True
    with pytest.raises(http.HTTPError, match="in chunks"):
        http.stream(server.address, "/events", timeout=5)


@pytest.mark.parametrize("path", ["/a b", "/a\r\nX: y", "/a\n", "/\x7f", "/ä"])
def test_a_path_cannot_smuggle(server, path):
    with pytest.raises(ValueError, match=r"ascii|not to be sent"):
        http.request(server.address, "GET", path, timeout=1)
    assert server.asked == b""


def test_quote():
    assert http.quote('a/b?c=d&e "ä"\udcff') == "a%2Fb%3Fc%3Dd%26e%20%22%C3%A4%22%FF"
    assert http.quote("Az09-._~") == "Az09-._~"


def test_imports_next_to_nothing():
    """The waiter keeps what this module imports in memory, once per feature."""
    code = (
        "import sys, socket, time; before = set(sys.modules); import system_service.wire.http;"
        "print(*sorted(set(sys.modules) - before))"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(ran.stdout.split()) <= {
        "__future__",
        "system_service",
        "system_service.wire",
        "system_service.wire.http",
    }
