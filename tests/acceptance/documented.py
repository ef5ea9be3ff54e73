"""Types the command lines of the documents on the switch, and holds what happens to what the documents show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from sandbox.kube.registry import ADDRESS
from tests.acceptance.console import Console
from tests.docs.lines import Line

FOLDER = "/root/documented"
# A registry and a server of the documents, and where the sandbox has them.
STANDS_FOR = {"registry.example.com/": f"{ADDRESS}/", "10.10.10.10": "127.0.0.1"}
# For pip: the wheels that the sandbox has, and the freedom that a switch's image gives it.
_ENVIRONMENT = (
    *("PIP_NO_INDEX=1", f"PIP_FIND_LINKS={FOLDER}", "PIP_BREAK_SYSTEM_PACKAGES=1", "PIP_ROOT_USER_ACTION=ignore"),
    "KUBECONFIG=/etc/sonic/kube_admin.conf",
)
# A line that does not end by itself -> what is typed elsewhere to end it (none: Ctrl-C), and its exit code then.
_ENDS = {
    "system container wait snmp": ("system container stop snmp", 0),
    "system service logs snmp -f --since 10m": ("", 130),
}
JOINS = ("kubernetes join", "kubernetes reset")
"""Words of the examples that need a kubeadm."""
_MASKS = (
    (re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\dZ?"), "TIME"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{12}\b"), "ID"),
    (re.compile(r"\b20\d{6}\.\d+\b"), "VERSION"),
    (re.compile(r"\b\d+(?:\.\d+)? s\b"), "SECONDS"),
    # Click 8.1 shows the names of this option in an order of chance.
    (re.compile(r"(?:(?:-h|-\?|--help)(?:, )?){3}"), "HELP"),
    (re.compile(r"-{2,}"), "--"),
    (re.compile(r"\s+"), " "),
)


def mask(text: str) -> str:
    """What differs from one run to the next as words, columns as single spaces."""
    for name, address in STANDS_FOR.items():
        text = text.replace(name, address)
    for pattern, word in _MASKS:
        text = pattern.sub(word, text)
    return text.strip()


def missing(shown: Iterable[str], said: str) -> str:
    """The first shown line that was not said, in this order; "" when all were. More may be said than is shown."""
    told = iter(mask(text) for text in said.splitlines())
    return next((line for line in shown if mask(line) not in told), "")


def judge(line: Line, code: int, said: str, expect: int = 0) -> str:
    """What is not as documented, or ""."""
    if "Traceback" in said:
        return f"{line}: a traceback: {said}"
    if line.fails != (code != expect):
        return f"{line}: exit {code}, documented is {'a failure' if line.fails else expect}:\n{said}"
    lost = missing(line.shown, said)
    return f"{line}: documented is\n  {lost}\nand it says\n{said}" if lost else ""


def run(console: Console, line: Line, settings: Sequence[str] = ()) -> str:
    """Type it on the switch; what is not as documented, or ""."""
    typed = line.typed
    for name, address in STANDS_FOR.items():
        typed = typed.replace(name, address)
    if typed in _ENDS:
        return _run_to_its_end(console, line)
    # As at a terminal, what goes to stderr is seen where it comes.
    command = ["env", "-C", FOLDER, *_ENVIRONMENT, *settings, "bash", "-c", f"exec 2>&1\n{typed}"]
    done = console.switch.exec(command, timeout=150)
    return judge(line, done.returncode, done.stdout + done.stderr)


def _run_to_its_end(console: Console, line: Line) -> str:
    ending, code = _ENDS[line.typed]
    typed = console.begin(line.typed)
    if ending:
        console.type(ending)
    else:
        typed.read_until(" ")
        typed.signal("INT")
    typed.end(code)
    return ""


def tell(
    console: Console,
    story: Iterable[Line],
    before: dict[str, tuple[str, ...]] | None = None,
    settings: Sequence[str] = (),
) -> list[str]:
    """Run lines in their order; everything that is not as documented.

    `before`: what is typed first for a line. `settings`: environment variables, `NAME=value`.
    """
    wrong = []
    for line in story:
        if line.not_run:
            continue
        for preparation in (before or {}).get(line.typed, ()):
            console.type(["sh", "-c", preparation])
        wrong += filter(None, [run(console, line, settings)])
    return wrong
