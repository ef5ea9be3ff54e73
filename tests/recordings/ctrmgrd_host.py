"""The host of a recorded ctrmgrd: its programs, its files, its API server, and its time."""

from __future__ import annotations

import http.server
import json
import os
import select
import shlex
import socket
import ssl
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any, Final, NamedTuple

from tests.recordings.database import Database, written
from tests.recordings.replay import Case, Unplayable
from tests.support.redis import NUMBERS

PACKAGE = Path(__file__).resolve().parents[2] / "sandbox" / "ctrmgrd"
_TIMED: Final = Path(__file__).with_name("ctrmgrd_timed.py")
NAME: Final = "switch-1"
KUBECONFIG: Final = "/etc/sonic/kube_admin.conf"
PROGRAMS: Final = ("systemctl", "kubectl", "kubeadm", "docker", "modprobe", "rm", "cp", "mkdir")
SERVER: Final = ("10.10.10.10", "6443")
"""Where the cluster is that was joined, when no row says it."""
CALL: Final = 0.1
"""Seconds that a program takes, by the replay's clock."""
PATIENCE: Final = 60
"""Seconds of the machine's own after which a stand-in that says nothing counts as stuck."""
METADATA: Final = {"hostname": NAME, "hwsku": "Force10-S6000", "type": "ToRRouter"}
FILES: Final = {
    "etc/sonic/sonic_version.yml": "build_version: 'master.1'\n",
    "host/machine.conf": "onie_platform=x86_64-kvm_x86_64-r0\n",
}
_STUB: Final = r"""#!/bin/bash
exec 3<>"/dev/tcp/127.0.0.1/@PORT@"
printf '%s\0' run "$#" "${0##*/}" "$@" >&3
IFS= read -r -d '' answer <&3
eval "$answer"
"""


class Host:
    """`actions`: since somebody emptied them. `now`: seconds since the start. `due`: until when the daemon rests."""

    def __init__(self, case: Case, database: Database, folder: str, certificate: Certificate) -> None:
        self.actions: list[dict[str, Any]] = []
        self.labels = dict(case.get("node_labels", {}))
        self.now = 0.0
        self.due: float | None = None
        self.ended = False
        self._begun = 0.0
        self._units = dict(case["units"])
        self._answers = [(start, dict(answer)) for start, answer in case.get("answers", ())]
        self._status = case.get("shim", {}).get("node_status", "Ready")
        self._server = case.get("api_server")
        self._folder = Path(folder)
        self._database = database
        self._held: tuple[socket.socket, str] | None = None
        self._asked = False
        self._wait: socket.socket | None = None
        self._clock: socket.socket | None = None
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._listener.settimeout(PATIENCE)
        self._write_files(case)
        self._fill(case)
        self._api = _Api(self._server, certificate, self.note) if self._server else None
        if self._api:
            (self._folder / "server").write_text(str(self._api.port))
        trusted = {"SSL_CERT_FILE": certificate.path} if case.get("trusted") else {}
        self._process = subprocess.Popen(
            [sys.executable, "-P", str(_TIMED), str(self._port), database.address, folder, NAME],
            env={"PATH": str(self._folder / "bin"), "PYTHONPATH": str(PACKAGE.parent), **trusted},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *about: object) -> None:
        self._process.kill()
        self._process.communicate()
        for link in (self._listener, self._clock, *(self._held or ())[:1]):
            if link is not None:
                link.close()
        if self._api:
            self._api.close()

    # --- time, and what happens in it ---

    def happens(self, events: list[dict[str, Any]]) -> float:
        """What an event does; returns when it came. Unplayable: it is none that is known."""
        self._begun = self.now
        for event in events:
            if event["what"] == "unit":
                self._units[event["unit"]] = event["is"]
            else:
                self._database.do(event)
        if events:
            self._reply("look")
        return self._begun

    def act(self) -> None:
        """Let the daemon act until it rests: until `due`, or for ever (None), or because it has ended."""
        while not self.ended and self._held is None and self._wait is None:
            self._listen()

    def let_pass(self) -> None:
        """The time until `due`, be it the daemon that waits for it or a program that it runs."""
        self.now = max(self.now, (self.due or 0) + 1e-6)  # more than what two floats lose between them
        if self._held is not None:
            link, answer = self._held
            self._held = None
            self._answer(link, answer)
        else:
            self._reply("pass")

    def pass_until_nearly_due(self) -> None:
        """So that what is due comes while the next event is being dealt with."""
        if self.due is not None:
            self.now = max(self.now, self.due - CALL / 2)

    def exit_code(self) -> int:
        self._process.communicate(timeout=PATIENCE)
        return self._process.returncode

    def note(self, **action: Any) -> None:
        """Something that the daemon did, after the writes it had made before."""
        self._overhear()
        self.actions.append({"after_s": round(self.now - self._begun, 2), **action})

    # --- the daemon's questions, and its programs' ---

    def _listen(self) -> None:
        if self._clock is None:
            while not select.select([self._listener], [], [], 0.1)[0]:
                if self._process.poll() is not None:
                    raise RuntimeError(self._process.communicate()[1])
            self._clock = self._accepted()
            return
        # Either its clock is asked or a program of its has been run: it does one thing at a time.
        ready = select.select([self._clock, self._listener], [], [], PATIENCE)[0]
        if not ready:
            raise TimeoutError(f"the daemon is stuck after {self.actions}")
        if self._listener in ready:
            self._program(self._accepted())
        else:
            self._question()

    def _accepted(self) -> socket.socket:
        link, _ = self._listener.accept()
        link.settimeout(PATIENCE)
        return link

    def _question(self) -> None:
        assert self._clock is not None
        line = self._clock.recv(100).decode().strip()
        if line == "now":
            self._clock.sendall(f"{self.now}\n".encode())
        elif not line:
            self._overhear()
            self.ended = True
        elif not self._asked:
            # What it wrote last may not have come back to it yet.
            self._asked = True
            self._overhear()
            self._clock.sendall(b"look\n")
        else:
            seconds = line.removeprefix("wait ")
            self.due = None if seconds == "None" else self.now + float(seconds)
            self._wait = self._clock

    def _reply(self, answer: str) -> None:
        if self._wait is not None:
            self._wait.sendall(f"{answer}\n".encode())
            self._wait, self._asked = None, False

    def _program(self, link: socket.socket) -> None:
        received = b""
        while received.count(b"\0") < 3 or received.count(b"\0") < 3 + int(received.split(b"\0")[1]):
            received += link.recv(65536)
        self._asked = False
        argv = received.decode().split("\0")[2:-1]
        self.note(ran=argv)
        code, out, err, sleep = self._run(argv)
        answer = f"printf %s {shlex.quote(out)}; printf %s {shlex.quote(err)} >&2; exit {code}"
        self.now += CALL
        if sleep:
            self._held, self.due = (link, answer), self.now + sleep
        else:
            self._answer(link, answer)

    def _answer(self, link: socket.socket, answer: str) -> None:
        with link:
            link.sendall(answer.encode() + b"\0")

    def _overhear(self) -> None:
        if not self._database.answers():
            return
        for command in self._database.overheard():
            if (write := written(command)) is not None:
                self.actions.append({"after_s": round(self.now - self._begun, 2), "wrote": write})

    # --- what the programs answer ---

    def _run(self, argv: list[str]) -> tuple[int, str, str, float]:
        """Exit code, output, errors, seconds that it takes."""
        line = " ".join(argv)
        for start, answer in self._answers:
            if line.startswith(start) and answer.get("times", 1) > 0:
                if "times" in answer:
                    answer["times"] -= 1
                code = answer.get("rc", 0)
                if not code and "out" not in answer:
                    self._host(argv)
                return code, answer.get("out", ""), answer.get("err", ""), answer.get("sleep", 0)
        code, out = self._host(argv)
        return code, out, "", 0

    def _host(self, argv: list[str]) -> tuple[int, str]:
        program, *words = argv
        if program == "systemctl":
            if words[0] == "is-active":
                return (0 if self._units.get(words[-1]) == "active" else 3), ""
            if words[0] == "restart":
                self._units[words[-1]] = "active"
        elif program == "rm" and words[-1] == KUBECONFIG:
            (self._folder / KUBECONFIG[1:]).unlink(missing_ok=True)
        elif program == "kubectl" and "get" in words:
            shown = ",".join(f"{k}={v}" for k, v in self.labels.items()) or "<none>"
            row = f"{NAME}   {self._status}   <none>   3d   v1.22.2"
            return 0, f"{row}   {shown}\n" if "--show-labels" in words else f"{row}\n"
        elif program == "kubectl" and "label" in words:
            for word in words[words.index(NAME) + 1 :]:
                name, given, value = word.partition("=")
                self.labels.pop(name.removesuffix("-"), None)
                if given:
                    self.labels[name] = value
        return 0, ""

    # --- what is there at the start ---

    @property
    def _port(self) -> int:
        return int(self._listener.getsockname()[1])

    def _write_files(self, case: Case) -> None:
        files = dict(FILES)
        if isinstance(case["timers"], dict):
            files["etc/sonic/remote_ctr.config.json"] = json.dumps(case["timers"])
        elif case["timers"] != "no file":
            raise Unplayable(f"timers: {case['timers']!r}")
        if case.get("joined"):
            known = (case["database"].get(name, {}).get("KUBERNETES_MASTER|SERVER", {}) for name in NUMBERS)
            ip, port = next(((row["ip"], row.get("port", "6443")) for row in known if row.get("ip")), SERVER)
            address = f"https://{ip}:{port}"
            files[KUBECONFIG[1:]] = f"apiVersion: v1\nclusters:\n- cluster:\n    server: {address}\n"
            files["var/lib/kubelet/config.yaml"] = "kind: KubeletConfiguration\n"
        for path, text in files.items():
            target = self._folder / path
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text)
        (self._folder / "bin").mkdir()
        stub = self._folder / "bin" / "stub"
        stub.write_text(_STUB.replace("@PORT@", str(self._port)))
        stub.chmod(0o755)
        for name in PROGRAMS:
            (self._folder / "bin" / name).symlink_to("stub")

    def _fill(self, case: Case) -> None:
        databases = {name: dict(rows) for name, rows in case["database"].items()}
        databases.setdefault("CONFIG_DB", {})["DEVICE_METADATA|localhost"] = METADATA
        self._database.put(databases)


class _Api:
    """An API server that answers one question: for the cluster's root certificate. `mood`: ok, forbids."""

    def __init__(self, mood: str, certificate: Certificate, note: Any) -> None:
        if mood not in ("ok", "forbids"):
            raise Unplayable(f"api_server: {mood!r}")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                note(ran=["<https>", "GET", self.path])
                body = json.dumps({"data": {"ca.crt": Path(certificate.path).read_text()}}).encode()
                self.send_response(200 if mood == "ok" else 403)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *about: object) -> None: ...

        self._server = _Quiet(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Quiet(http.server.HTTPServer):
    def handle_error(self, *about: object) -> None:
        """A client that does not trust the certificate goes away, as is meant."""


class Certificate(NamedTuple):
    """Paths of a certificate for the recorded addresses, and of its key."""

    path: str
    key: str


def make_certificate(folder: str) -> Certificate:
    """A new one, in a folder."""
    made = Certificate(os.path.join(folder, "server.crt"), os.path.join(folder, "server.key"))
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-subj", "/CN=api", "-addext", "subjectAltName=IP:10.10.10.10,IP:10.10.10.11", "-days", "2"]
    subprocess.run([*command, "-out", made.path, "-keyout", made.key], check=True, capture_output=True)
    return made
