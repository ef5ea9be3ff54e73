"""What the text of the documents, or an error's next step, calls a command of ours is one."""

from __future__ import annotations

import re

import click

from tests.docs import lines
from tests.docs.generate import ROOTS
from tests.docs.sentences import steps_told

HOSTS_OWN = {"show": "show-kube", "config": "config-kube"}


def known(text: str) -> bool:
    """Whether a text that begins with our words goes on with words of ours; True for one that does not.

    `a|b` stands for both; what is no command's name ends the words.
    """
    program, *words = text.partition(",")[0].split()
    found: click.Command | None = ROOTS.get(HOSTS_OWN.get(program, program))
    if found is None or (program in HOSTS_OWN and words[:1] not in (["feature"], ["kubernetes"])):
        return True
    for word in words:
        if not isinstance(found, click.Group) or word == "...":
            return True
        context = click.Context(found)
        named = [found.get_command(context, one) for one in word.split("|")]
        if None in named:
            return False
        found = named[0]
    return True


def test_what_the_text_calls_a_command_is_one():
    wrong, right = [], 0
    for page in lines.pages():
        text = re.sub(r"```.*?```", "", (lines.ROOT / page).read_text(), flags=re.DOTALL)
        for code in re.findall(r"`([^`\n]+)`", text):
            wrong += [] if known(code) else [f"{page}: {code}"]
            right += code.startswith("system service ")
    assert (wrong, right > 30) == ([], True)


def test_what_an_error_tells_to_try_is_a_command():
    told = steps_told()
    assert "system service enable ..." in told
    assert [step for step in told if not known(step)] == []


def test_a_command_that_does_not_exist_is_seen():
    for text in ("system service nosuch NAME", "config feature mode|nosuch", "show kubernetes server nosuch"):
        assert not known(text)
    for text in (
        "system service stop|start NAME",
        "show interfaces",
        "config kubernetes label add rack r12",
        "docker ps",
    ):
        assert known(text)
