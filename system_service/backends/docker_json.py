"""Docker's JSON as our types, tolerantly: a field that is missing or strange takes its default. No I/O."""

from __future__ import annotations

from typing import Any

from system_service.model.snapshot import Container, Run


def from_row(row: Any) -> Container | None:
    """A container from a row of Docker's list; None for a row that is none."""
    if not isinstance(row, dict) or not isinstance(row.get("Id"), str) or not row["Id"]:
        return None
    names = row.get("Names")
    # A container that is linked to has also names like /other/alias: its own is the one with a single slash.
    own = [n[1:] for n in names if isinstance(n, str) and n.rfind("/") == 0] if isinstance(names, list) else []
    status = _text(row.get("Status"))
    return Container(
        id=row["Id"],
        name=_text(own[0]) if own else "",
        run=_run(_text(row.get("State")), status.startswith("Up")),
        image=_text(row.get("Image")),
        status=status,
        health=_health(status),
        labels=_labels(row.get("Labels")),
    )


def from_inspect(found: dict[str, Any], name: str) -> Container:
    """A container from what inspect answers. Its `status` is "": only the list has Docker's text."""
    state, config = as_object(found.get("State")), as_object(found.get("Config"))
    health = _text(as_object(state.get("Health")).get("Status"))
    return Container(
        id=_text(found.get("Id")),
        name=name,
        run=_run(_text(state.get("Status")), state.get("Running") is True),
        image=_text(config.get("Image")),
        health="" if health == "none" else health,
        labels=_labels(config.get("Labels")),
    )


def _run(word: str, runs: bool) -> Run:
    """Docker's word for what a container does.

    Another engine's word counts as running where it says that it runs, so that no second one is ever started beside
    it; else as dead, which a start repairs or Docker refuses.
    """
    if word in Run._value2member_map_ and word != Run.ABSENT.value:
        return Run(word)
    return Run.RUNNING if runs else Run.DEAD


def _health(status: str) -> str:
    """The health in a status like `Up 2 hours (health: starting)`: healthy, unhealthy, starting or ""."""
    for word in ("healthy", "unhealthy", "health: starting"):
        if f"({word})" in status:
            return word.removeprefix("health: ")
    return ""


def _labels(found: Any) -> dict[str, str]:
    return {_text(k): _text(v) for k, v in as_object(found).items() if isinstance(v, str)}


def _text(found: Any) -> str:
    # JSON can hold half a surrogate pair, which no terminal's encoding can.
    return found.encode("utf-8", "replace").decode() if isinstance(found, str) else ""


def one_line(words: object, most: int) -> str:
    """What somebody else says, as one line that a terminal can show, cut after so many letters."""
    line = " ".join(str(words).split())
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in line)[:most]


def as_object(found: Any) -> dict[str, Any]:
    """What should be a JSON object; an empty one for whatever is none."""
    return found if isinstance(found, dict) else {}


def unframed(log: bytes) -> bytes | None:
    """The text inside the frames of a log; None for what is no such log.

    A frame is 4 bytes that say which stream, 4 that say how many, and so many bytes.
    """
    text, at = b"", 0
    while at < len(log):
        head, at = log[at : at + 8], at + 8
        end = at + int.from_bytes(head[4:], "big")
        if len(head) < 8 or head[0] > 3 or head[1:4] != b"\0\0\0" or end > len(log):
            return None
        text, at = text + log[at:end], end
    return text
