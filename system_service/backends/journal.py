"""The audit log as bytes: what one line of it looks like, and reading lines back from the journal.

Who writes lines, and why, is `domain.audit`'s. A line is `key=value` pairs, each value a JSON string of printable
ASCII: one line whatever the values hold, readable by a person and by `parse`.
"""

from __future__ import annotations

import json
import re
import time

from system_service.backends import child

IDENTIFIER = "sonic-system-service"
TIMEOUT = 5.0
# How much of the journal is looked through for one feature's entries.
_DEPTH = 1000
_ROOT = "0"
_SINCE = "-30d"
# A syslog line is cut at 8 KiB (rsyslog) at the latest; six values of this many characters stay below.
_LONGEST = 200
_PAIR = re.compile(r'([a-z]+)=("(?:[^"\\]|\\.)*")(?: |$)')
_KEYS = ("user", "uid", "command", "feature", "action", "result")
_ENVIRONMENT = {"LC_ALL": "C", "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}


class Entry:
    """One change: `who` (with number `uid`) did `action` on `feature` by `command`, with `result`.

    `time` is RFC 3339 UTC, "" before it was read back.
    """

    __slots__ = ("action", "command", "feature", "result", "time", "uid", "who")

    def __init__(
        self, who: str, uid: int, command: str, feature: str, action: str, result: str, *, time: str = ""
    ) -> None:
        self.who, self.uid, self.command, self.feature = who, uid, command, feature
        self.action, self.result, self.time = action, result, time


def line(entry: Entry) -> str:
    """The entry (without its time) as one line of printable ASCII; each value cut after 200 characters."""
    values = (entry.who, str(entry.uid), entry.command, entry.feature, entry.action, entry.result)
    return " ".join(f"{key}={_quoted(value)}" for key, value in zip(_KEYS, values, strict=True))


def parse(text: str) -> Entry | None:
    """The entry of a line, None for a line that is not one."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            return None
        try:
            value = json.loads(match[2])
        except ValueError:
            return None
        found[match[1]] = value
        at = match.end()
    uid = found.get("uid", "")
    if any(key not in found for key in _KEYS) or not (uid.isascii() and uid.isdigit() and len(uid) <= 10):
        return None
    return Entry(found["user"], int(uid), found["command"], found["feature"], found["action"], found["result"])


def read(feature: str, count: int) -> tuple[tuple[Entry, ...], str]:
    """The last `count` entries of a feature, newest first, and "" or a reason why the journal could not be read.

    Looks through the last 1000 changes of the last 30 days that root made, and through as many of anybody's: anybody
    may write to the journal under any identifier, as much as he likes. Lines that are no entries are left out, and so
    are those that claim another user than the one who wrote them; of whom but root the name is the journal's.
    """
    found: list[tuple[int, Entry]] = []
    for matches in ([f"_UID={_ROOT}"], []):
        lines, reason = _lines(feature, matches)
        entries = [entry for entry in map(_entry, lines) if entry is not None and entry[1].feature == feature]
        found += [entry for entry in entries if (entry[1].uid == 0) == bool(matches)]
        if reason:
            break
    newest = sorted(found, key=lambda entry: -entry[0])
    return tuple(entry for _, entry in newest[:count]), reason


def _lines(feature: str, matches: list[str]) -> tuple[list[str], str]:
    """What journalctl prints for these matches, newest first, and "" or why that may not be all."""
    argv = ["journalctl", "-t", IDENTIFIER, "-o", "json", "--output-fields=MESSAGE,_UID", "--no-pager", "--quiet"]
    argv += ["--reverse", "-n", str(_DEPTH), f"--since={_SINCE}", "--case-sensitive=yes"]
    argv += [f"--grep= feature={re.escape(_quoted(feature))} ", *matches]
    try:
        ended = child.run(argv, TIMEOUT, env=_ENVIRONMENT, limit=4 << 20)
    except OSError as error:
        return [], f"journalctl cannot be run: {error.strerror}"
    if ended.code is None:
        return [], f"journalctl did not answer within {TIMEOUT:g} s"
    lines = ended.out.splitlines()
    complaint = ended.err.strip().split("\n")[0]
    # Without any entry it ends with 1 and says nothing.
    if ended.code != 0 and (complaint or ended.code != 1):
        return lines, complaint or f"journalctl ended with code {ended.code}"
    return lines, ""


def _quoted(value: str) -> str:
    # json leaves one control character as it is.
    return json.dumps(value[:_LONGEST]).replace("\x7f", "\\u007f")


def _entry(text: str) -> tuple[int, Entry] | None:
    """When it was written (microseconds), and the entry of one line of `journalctl -o json`; None if it is none."""
    try:
        record = json.loads(text)
        message, stamp = record["MESSAGE"], int(record["__REALTIME_TIMESTAMP"])
        writer = record.get("_UID")
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
    if not isinstance(message, str):  # a list of bytes: not printable, so not ours
        return None
    entry = parse(message)
    if entry is None or writer != str(entry.uid):
        return None
    if writer != _ROOT:  # root is believed whom he acts for (sudo), nobody else is
        entry.who = _name(entry.uid)
    try:
        entry.time = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(stamp // 1_000_000))
    except (OverflowError, OSError, ValueError):
        return None
    return stamp, entry


def _name(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except (KeyError, OverflowError):
        return str(uid)
