"""Every group and every command explains itself, in each of the ways an operator asks."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

import click
import pytest
from click.testing import CliRunner

from config_kube.cli import cli as config_kube
from show_kube.cli import cli as show_kube
from system_service.cli import cli as system

PROGRAMS = {"show-kube": show_kube, "config-kube": config_kube, "system": system}


def tree(group: click.Command, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    """The words that lead to every command below and including this one."""
    yield path
    if isinstance(group, click.Group):
        context = click.Context(group, info_name=path[-1])
        for name in group.list_commands(context):
            child = group.get_command(context, name)
            assert child is not None, f"{' '.join(path)} lists {name} and has no such command"
            yield from tree(child, (*path, name))


def help_of(path: tuple[str, ...], option: str) -> str:
    result = CliRunner().invoke(PROGRAMS[path[0]], [*path[1:], option], prog_name=path[0])
    assert result.exit_code == 0, result.output
    return result.output


@pytest.mark.parametrize("program", PROGRAMS)
def test_every_command_shows_an_example_of_itself(program):
    for path in tree(PROGRAMS[program], (program,)):
        text = help_of(path, "--help")
        assert text.startswith(f"Usage: {' '.join(path)}")
        assert "Example" in text, f"{' '.join(path)} has no example"
        words = " ".join(path).replace("-kube", "")
        assert words in text.split("Example", 1)[1].replace("-kube", ""), f"the example of {words} is not of itself"


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("option", ["-h", "-?"])
def test_short_help_options_say_the_same(program, option):
    for path in tree(PROGRAMS[program], (program,)):
        # The order of the three names is not click's to keep.
        assert set(help_of(path, option).split()) == set(help_of(path, "--help").split())


@pytest.mark.parametrize("path", [("show-kube",), ("show-kube", "feature"), ("config-kube", "feature"), ("system",)])
def test_a_bare_group_prints_its_help_and_ends_well(path):
    result = CliRunner().invoke(PROGRAMS[path[0]], list(path[1:]), prog_name=path[0])
    assert result.exit_code == 0
    assert result.stdout.startswith(f"Usage: {' '.join(path)} [OPTIONS] ")


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        (["feat", "--help"], 0, "Usage: show-kube feature "),
        (["feature", "stat", "--help"], 0, "Usage: show-kube feature status "),
        (["feature", "AUTO", "--help"], 0, "Usage: show-kube feature autorestart "),
        (["feature", "nosuch"], 2, "No such command 'nosuch'.\n"),
        (["feature", "sttaus"], 2, "No such command 'sttaus'. Did you mean 'status'?\n"),
        (["feature", "config-status"], 2, "No such command 'config-status'. Did you mean 'config'?\n"),
        (["feature", "autostatus"], 2, "(Did you mean one of: 'autorestart', 'status'?)\n"),
        (["feature", "--nosuch"], 2, "No such option"),
    ],
)
def test_unique_prefixes_are_taken(argv, code, said):
    result = CliRunner().invoke(show_kube, argv, prog_name="show-kube")
    assert result.exit_code == code
    assert said in result.output


@pytest.mark.parametrize(
    ("argv", "said"),
    [
        (["stop", "snmp"], "No such command 'stop'. (Did you mean one of: 'container stop', 'service stop'?)\n"),
        (["check"], "No such command 'check'. Did you mean 'service check'?\n"),
        (["service", "snmp", "stop"], "No such command 'snmp'. Did you mean 'stop snmp'?\n"),
        (["service", "snmp"], "No such command 'snmp'.\n"),
    ],
)
def test_words_in_a_wrong_order_are_put_right(argv, said):
    result = CliRunner().invoke(PROGRAMS["system"], argv, prog_name="system")
    assert result.exit_code == 2
    assert result.output.endswith(said)


@pytest.mark.parametrize("command", ["status", "check", "sync", "monit", "start", "wait"])
def test_names_that_may_be_left_out_are_bracketed(command):
    usage = help_of(("system", "service", command), "-h").splitlines()[0]
    assert usage.endswith(" NAME..." if command in ("start", "wait") else " [NAME]...")


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_version_is_that_of_the_package(program):
    result = CliRunner().invoke(PROGRAMS[program], ["--version"], prog_name=program)
    assert (result.exit_code, result.output) == (0, f"{program} {version('sonic-system-service')}\n")


@pytest.mark.parametrize("word", ["abc", "nan", "", "1s"])
def test_a_time_limit_that_is_no_number(word):
    result = CliRunner().invoke(system, ["service", "stop", "snmp", "--timeout", word], prog_name="system")
    assert result.exit_code == 2
    assert f"Invalid value for '--timeout': {word!r} is not a number of seconds.\n" in result.output
