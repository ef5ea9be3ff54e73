"""A kubeadm in one file: run as an executable, it notes how it was called and leaves the files that kubeadm leaves.

`python kubeadm.py FOLDER ARGUMENT...`: FOLDER/root is the machine, FOLDER/calls has one JSON object a line, and
FOLDER/mood says what a join does, one of MOODS. Proven against the real one by tests/contract/test_kubeadm.py.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

MOODS = (
    *("joins", "hangs", "tidies-up", "is-deaf", "is-loud", "speaks-binary", "is-cut-off", "lies"),
    *("calls-the-parent", "kills-the-parent", "resets-badly"),
)


def main(folder: str, arguments: list[str]) -> int:
    with open(os.path.join(folder, "mood"), encoding="utf-8") as file:
        mood = file.read()
    call: dict[str, Any] = {"argv": arguments, "env": dict(os.environ), "input": os.readlink("/proc/self/fd/0")}
    call["pid"] = os.getpid()
    if "--discovery-file" in arguments:
        path = arguments[arguments.index("--discovery-file") + 1]
        with open(path, encoding="utf-8") as file:
            call["file"] = {"path": path, "mode": stat.S_IMODE(os.stat(path).st_mode), "text": file.read()}
    with open(os.path.join(folder, "calls"), "a", encoding="utf-8") as file:
        file.write(json.dumps(call) + "\n")
    kubernetes = os.path.join(folder, "root/etc/kubernetes")
    if arguments[0] == "reset":
        if mood != "resets-badly":
            shutil.rmtree(kubernetes, ignore_errors=True)
        return 0
    os.makedirs(os.path.join(kubernetes, "pki"), exist_ok=True)
    if mood == "is-cut-off":
        leave(kubernetes, "bootstrap-kubelet.conf", "pki/ca.crt")
        sys.stderr.write("error execution phase kubelet-start: timed out waiting for the condition\n")
        return 1
    if os.listdir(os.path.join(kubernetes, "pki")):
        sys.stderr.write(
            f"\t[ERROR FileAvailable--etc-kubernetes-pki-ca.crt]: {kubernetes}/pki/ca.crt already exists\n"
        )
        return 1
    if mood in ("tidies-up", "is-deaf", "kills-the-parent"):
        leave(kubernetes, "bootstrap-kubelet.conf", "pki/ca.crt")
    if mood == "tidies-up":
        signal.signal(signal.SIGTERM, lambda *_: tidy_up(kubernetes))
    if mood == "is-deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if mood.endswith("the-parent"):
        os.kill(os.getppid(), signal.SIGTERM if mood == "calls-the-parent" else signal.SIGKILL)
    if mood in ("calls-the-parent", "kills-the-parent", "hangs", "tidies-up", "is-deaf"):
        signal.pause()
    if mood == "is-loud":
        sys.stderr.write("W1124 10:00:00 noise\n" * 150_000)  # three megabytes
        sys.stderr.write("error execution phase preflight: after much ado\n")
        return 1
    if mood == "speaks-binary":
        os.write(2, b"error execution phase preflight: \xff\xfe\x1b[31mno\n")
        return 1
    if mood == "joins":
        with open(os.path.join(kubernetes, "kubelet.conf"), "w", encoding="utf-8") as file:
            file.write(call["file"]["text"])
        leave(kubernetes, "pki/ca.crt")
    return 0


def tidy_up(kubernetes: str) -> NoReturn:
    os.unlink(os.path.join(kubernetes, "bootstrap-kubelet.conf"))
    sys.exit(1)


def leave(folder: str, *names: str) -> None:
    for name in names:
        with open(os.path.join(folder, name), "w", encoding="utf-8"):
            pass


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], sys.argv[2:]))
