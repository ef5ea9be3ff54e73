"""The child runner: what comes back, and that nothing stays behind."""

import errno
import os
import signal
import subprocess
import sys
import time

import pytest

from system_service.backends import child


def python(code, timeout=10.0, **options):
    return child.run([sys.executable, "-I", "-S", "-c", code], timeout, **options)


def test_both_outputs_and_the_code_come_back():
    ended = python("import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)")
    assert (ended.code, ended.out, ended.err, ended.cut) == (3, "out\n", "err\n", False)


def test_a_signal_is_a_negative_code():
    assert python("import os; os.kill(os.getpid(), 9)").code == -signal.SIGKILL


def test_bytes_that_are_no_text_are_shown_escaped():
    assert python(r"import os; os.write(1, b'a\xff')").out == "a\\xff"


def test_output_over_the_limit_is_cut_and_the_child_not_blocked():
    ended = python("import os; [os.write(1, b'x' * 65536) for _ in range(64)]", limit=1000)
    assert (ended.code, ended.out, ended.cut) == (0, "x" * 1000, True)


def test_it_has_no_input_a_session_of_its_own_and_default_signals(monkeypatch):
    monkeypatch.setenv("KEPT", "kept")
    code = "import os; print(os.read(0, 1), os.getsid(0) == os.getpid(), os.environ['KEPT'], os.environ['ADDED'])"
    assert python(code, env={"ADDED": "added"}).out == "b'' True kept added\n"
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT,))
    try:
        status = child.run(["grep", "-E", "^Sig(Blk|Ign)", "/proc/self/status"], 10).out
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    # Who is started by nohup, or behind an `&`, is meant to ignore these, and so is what it starts.
    kept = [number for number in (signal.SIGHUP, signal.SIGQUIT) if signal.getsignal(number) is signal.SIG_IGN]
    # Of the C library's own signals (32 and up) it decides itself.
    ignored = sum(1 << (number - 1) for number in kept)
    assert [int(line.split()[1], 16) & 0x7FFFFFFF for line in status.splitlines()] == [0, ignored]


def test_a_child_over_its_time_is_killed_and_reaped(tmp_path):
    path = tmp_path / "pid"
    before = time.monotonic()
    ended = python(f"import os, signal; open({str(path)!r}, 'w').write(str(os.getpid())); signal.pause()", 1.0)
    assert ended.code is None
    assert time.monotonic() - before < 5
    with pytest.raises(ProcessLookupError):
        os.kill(int(path.read_text()), 0)


@pytest.mark.parametrize("heeds", [True, False])
def test_a_child_that_is_given_grace_may_end_by_itself_first(tmp_path, heeds):
    path = tmp_path / "trace"
    code = (
        f"import os, signal, sys; say = lambda *_: (open({str(path)!r}, 'a').write('heard'), {heeds} and sys.exit(5))\n"
        "signal.signal(signal.SIGTERM, say)\n"
        "while True: signal.pause()\n"
    )
    before = time.monotonic()
    assert python(code, 1.0, grace=0.5).code is None
    assert time.monotonic() - before < 5
    assert path.read_text() == "heard"


def test_it_gets_a_descriptor_that_is_to_live_as_long_as_it(tmp_path):
    code = "import os; print(*(os.path.realpath(f'/proc/self/fd/{name}') for name in os.listdir('/proc/self/fd')))"
    with open(tmp_path / "lock", "w") as lock:
        assert str(tmp_path / "lock") in python(code, keep=lock.fileno()).out.split()
        assert str(tmp_path / "lock") not in python(code).out.split()


def test_a_child_that_closes_its_outputs_is_still_waited_for():
    ended = python("import os, select; os.close(1); os.close(2); select.select([], [], [], 0.2); os._exit(4)")
    assert ended.code == 4


def test_a_grandchild_that_holds_the_outputs_is_not_waited_for(tmp_path):
    fifo = str(tmp_path / "fifo")
    os.mkfifo(fifo)
    before = time.monotonic()
    # The grandchild ends when this test closes the fifo.
    end = os.open(fifo, os.O_RDWR)
    try:
        ended = python(f"import os; print('said', flush=True); os.fork() or open({fifo!r}).read()")
        assert (ended.code, ended.out) == (0, "said\n")
        assert time.monotonic() - before < 5
    finally:
        os.close(end)


def test_no_descriptor_stays_open():
    python("pass")
    before = sorted(os.listdir("/proc/self/fd"))
    python("pass")
    with pytest.raises(FileNotFoundError):
        child.run(["/nowhere/at/all"], 1)
    assert sorted(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("command", ["echo done", "exec 1>&- 2>&-; exit 3"])
def test_a_parent_that_ignores_the_end_of_its_children(command):
    """Such a child leaves no exit code, and may be gone before anybody looks."""
    code = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    code += "from system_service.backends.child import run\n"
    code += f"found = [run(['sh', '-c', {command!r}], 5) for _ in range(20)]\n"
    code += "print({(ended.code, ended.out) for ended in found})"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == str({(0, "done\n" if "done" in command else "")}), ran.stderr


def test_a_child_of_such_a_parent_that_ends_when_it_is_told_to_is_no_error():
    code = "import signal; signal.signal(signal.SIGCHLD, signal.SIG_IGN)\n"
    code += "from system_service.backends.child import run\n"
    code += "print(run(['sleep', '60'], 0.1, grace=5).code)"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert ran.stdout.strip() == "None", ran.stderr


def test_a_child_whose_end_nobody_could_hear_of_is_not_left_behind(monkeypatch, tmp_path):
    """No descriptor is left: it is ended, and said to be a failure."""

    def none_left(pid: int) -> int:
        started.append(pid)
        raise OSError(errno.EMFILE, "Too many open files")

    started: list[int] = []
    monkeypatch.setattr(os, "pidfd_open", none_left)
    with pytest.raises(OSError, match="Too many open files"):
        child.run(["sleep", "60"], 30)
    with pytest.raises(ChildProcessError):
        os.waitpid(started[0], os.WNOHANG)
