"""Our commands in the host's `show` and `config`: there, at no cost, and never in anybody's way."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from config_kube.cli import cli as config_kube
from show_kube.cli import cli as show_kube
from tests.support.host import PLUGIN, Host, bare_host, built_wheel, host
from tests.support.switch import wait_until

__all__ = ["bare_host", "built_wheel", "host"]

PAGE = Path(__file__).parents[2] / "docs" / "plugins.md"
OURS = {"show": show_kube, "config": config_kube}
# What the host's operators can type today, and what it means; `s` and `st` mean several.
ABBREVIATIONS = {
    "show feature": ("autorestart", "config", "status"),
    "show kubernetes": ("labels", "server"),
    "config feature": ("autorestart", "fallback", "owner", "state"),
    "config kubernetes": ("label", "server"),
}


def words_of(group: str) -> set[str]:
    program, name = group.split()
    return set(OURS[program].commands[name].table)


def listed(text: str) -> dict[str, str]:
    """Word -> short help, from a group's help."""
    rows = text.partition("Commands:\n")[2].splitlines()
    return {word: said.strip() for word, _, said in (row.strip().partition(" ") for row in rows)}


@pytest.fixture
def see(host, fakes):
    """Run the host's programs on a switch of fakes."""

    def run(*words, **environment):
        return host.run(*words, **{**fakes.environment, **environment})

    return run


@pytest.mark.parametrize("group", ABBREVIATIONS)
def test_every_abbreviation_of_today_stays_unique(group):
    ours = words_of(group)
    for word in ABBREVIATIONS[group]:
        for length in range(1, len(word) + 1):
            others = {w for w in (*ABBREVIATIONS[group], *ours) if w.startswith(word[:length])} - {word}
            assert others <= {*ABBREVIATIONS[group]}, f"{group} {word[:length]}"


@pytest.mark.parametrize("group", ABBREVIATIONS)
def test_the_page_says_what_is_added(group):
    (line,) = [line for line in PAGE.read_text().splitlines() if line.startswith(f"| `{group}` |")]
    theirs, added = (
        {word.strip("`") for word in cell.strip(" |").split(", ")} - {""} for cell in line.split(" | ")[1:3]
    )
    assert theirs == {*ABBREVIATIONS[group]}
    assert added == words_of(group) - theirs


@pytest.mark.parametrize("group", ABBREVIATIONS)
def test_the_host_lists_its_words_and_ours(host, bare_host, group):
    before = listed(bare_host.run(*group.split(), "--help").stdout)
    after = listed(host.run(*group.split(), "--help").stdout)
    assert set(before) == {*ABBREVIATIONS[group]}
    assert set(after) == {*before, *words_of(group)}
    assert {word: after[word] for word in before} == before
    program, name = group.split()
    for word in set(after) - set(before):
        said = OURS[program].commands[name].table[word][1]
        assert after[word]
        assert said.startswith(after[word].rstrip(".")), word


@pytest.mark.parametrize("group", ["", *ABBREVIATIONS])
@pytest.mark.parametrize("option", ["-h", "-?", "--help"])
def test_every_way_to_ask_for_help_is_answered(host, group, option):
    for program in OURS if not group else ():
        assert host.run(program, option).returncode == 0
    for word in words_of(group) if group else ():
        ran = host.run(*group.split(), word, option)
        assert (ran.returncode, ran.stderr) == (0, ""), word
        assert ran.stdout.startswith(f"Usage: {group} {word} "), word
        assert "Example" in ran.stdout or word in ABBREVIATIONS[group]


def test_the_hosts_own_command_is_still_the_hosts(host, tmp_path):
    theirs = tmp_path / "bin" / "show-kube"
    theirs.parent.mkdir()
    theirs.write_text('#!/bin/sh\necho "the host: $*"\n')
    theirs.chmod(0o755)
    path = {**os.environ, "PATH": f"{theirs.parent}:{os.environ['PATH']}"}
    for words in (["status"], ["stat"], ["s", "snmp"]):
        ran = subprocess.run(host.argv("show", "feature", *words), env=path, capture_output=True, text=True)
        assert ran.stdout == f"the host: feature status {' '.join(words[1:])}".rstrip() + "\n"


def test_ours_are_run_as_standalone(see, fakes):
    fakes.feature("snmp")
    for words in (["show", "feature", "mode"], ["show", "feature", "mode", "snmp", "--json"]):
        ran, alone = see(*words), fakes.run(*words)
        assert (ran.returncode, ran.stdout, ran.stderr) == tuple(alone)


def test_json_names_the_command_in_full_words(see, fakes):
    fakes.feature("snmp")
    assert json.loads(see("show", "feat", "mo", "--json").stdout)["command"] == "show feature mode"
    ran = see("config", "fe", "m", "snmp", "legacy", "--dry-run", "--json")
    assert json.loads(ran.stdout)["command"] == "config feature mode"


@pytest.mark.parametrize(
    "words",
    [
        ["show", "feature", "mode", "nosuch"],
        ["show", "feature", "mode", "nosuch", "--json"],
        ["show", "feature", "mode", "--nosuch"],
        ["config", "feature", "mode", "bgp", "kubernetes"],
        ["config", "feature", "mode", "bgp"],
        ["config", "feature", "mode", "bgp", "kubernetes", "--timeout", "0"],
    ],
)
def test_failures_end_as_standalone(see, fakes, words):
    fakes.feature("bgp")
    ran, alone = see(*words), fakes.run(*words)
    assert alone.code
    assert (ran.returncode, ran.stdout) == (alone.code, alone.out)
    assert ran.stderr.replace("'show feature mode ", "'show-kube feature mode ") or alone.err == ""
    assert ran.stderr.splitlines()[-1:] == alone.err.splitlines()[-1:]


def test_a_backend_that_is_down(see, fakes):
    fakes.redis.stop()
    ran = see("show", "feature", "mode")
    assert ran.returncode == 7
    assert ran.stderr.startswith("Error: the switch database at ")


def test_an_output_that_cannot_be_written(host, fakes):
    fakes.feature("snmp")
    with open("/dev/full", "wb") as full:
        ran = subprocess.run(
            host.argv("show", "feature", "mode"), env=fakes.environment, stdout=full, stderr=subprocess.PIPE, text=True
        )
    said = "Error: the output cannot be written: No space left on device\nTry: df\n"
    assert (ran.returncode, ran.stderr) == (1, said)


def test_ctrl_c_ends_as_standalone(host, fakes):
    fakes.feature("snmp")
    fakes.docker.inject("", "hang")
    with subprocess.Popen(
        host.argv("show", "feature", "mode"), env=fakes.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        wait_until("a question to Docker", lambda: sum(fakes.docker.calls.values()))
        process.send_signal(signal.SIGINT)
        assert process.communicate(timeout=30) == (b"", b"\n")
    assert process.returncode == 130


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("show feature m", ["mode"]),
        ("show feature ", ["autorestart", "config", "mode", "status"]),
        ("show feature mode s", ["snmp"]),
        ("show feature mode --j", ["--json"]),
        ("config feature mode snmp k", ["kubernetes"]),
    ],
)
def test_completion_goes_on_into_ours(see, fakes, words, offered):
    fakes.feature("snmp")
    line = words.split(" ")
    asked = {"COMP_WORDS": words, "COMP_CWORD": str(len(line) - 1)}
    ran = see(line[0], **{f"_{line[0].upper()}_COMPLETE": "bash_complete"}, **asked)
    found = [row.split(",", 1)[1] for row in ran.stdout.splitlines()]
    assert (found, ran.stderr) == (offered, "")


# --- hostile hosts -----------------------------------------------------------------------------------------------


@pytest.fixture
def hostile(host, fakes, tmp_path):
    """A host to be spoilt by the test, and a way to run it."""
    site = host.variant(tmp_path / "site")

    def run(*words, **environment):
        return host.run(*words, **{**fakes.environment, "PYTHONPATH": str(site), **environment})

    return site, run


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def test_a_host_without_feature_gets_the_whole_group(hostile, fakes):
    site, run = hostile
    edit(
        site / "show/main.py",
        "register_plugins(",
        'del cli.commands["feature"], cli.commands["kubernetes"]\nregister_plugins(',
    )
    fakes.feature("snmp")
    assert set(listed(run("show", "feature", "--help").stdout)) == words_of("show feature")
    for words in (["show", "feature", "mode"], ["show", "feature", "status", "snmp"], ["show", "feature", "co"]):
        ran, alone = run(*words), fakes.run(*words)
        assert (ran.returncode, ran.stdout, ran.stderr) == tuple(alone)
    assert json.loads(run("show", "feature", "mode", "--json").stdout)["command"] == "show feature mode"


def test_a_command_of_our_name_stays_the_hosts(hostile):
    site, run = hostile
    theirs = '@feature.command()\ndef mode() -> None:\n    click.echo("the host\'s own mode")\n\n\nregister_plugins('
    edit(site / "show/main.py", "register_plugins(", theirs)
    assert run("show", "feature", "mode").stdout == "the host's own mode\n"


@pytest.mark.parametrize(
    "spoilt", ["cli.add_command(own('x', 'feature', text='a command'))", "cli.commands['feature'] = None"]
)
def test_a_feature_that_is_no_group_stays_as_it_is(hostile, spoilt):
    site, run = hostile
    edit(site / "show/main.py", "register_plugins(plugins", f"{spoilt}\nregister_plugins(plugins")
    assert run("show", "version").stdout == "SONiC Software Version: SONiC.sandbox\n"


@pytest.mark.parametrize("name", ["aaa_first.py", "zzz_last.py"])
@pytest.mark.parametrize("text", ["import nosuchmodule", "def register(cli):\n    raise KeyError('x')", "1/0", "def :"])
def test_a_broken_sibling_harms_only_itself(hostile, fakes, name, text):
    site, run = hostile
    (site / "show/plugins" / name).write_text(text)
    fakes.feature("snmp")
    ran = run("show", "feature", "mode", "--json")
    first, _, rest = ran.stdout.partition("\n")
    assert first.startswith(f"failed to import plugin show.plugins.{name[:-3]}: ")
    assert json.loads(rest)["features"][0]["name"] == "snmp"


def test_plugins_in_a_folder_below_are_loaded_too(hostile):
    site, run = hostile
    below = site / "show/plugins/auto"
    below.mkdir()
    (below / "__init__.py").write_text("")
    shutil.move(site / "show/plugins" / PLUGIN, below)
    assert "mode" in listed(run("show", "feature", "--help").stdout)


def test_registered_twice_is_registered_once(hostile):
    site, run = hostile
    edit(site / "show/main.py", "register_plugins(plugins, cli)", "register_plugins(plugins, cli)\n" * 2)
    (site / "show/plugins/another.py").write_text("from show.plugins.sonic_system_service import register  # noqa\n")
    help_text = run("show", "feature", "--help").stdout
    assert help_text.count("\n  mode ") == 1
    edit(
        site / "show/main.py",
        "register_plugins(plugins, cli)",
        "del cli.commands['feature']\nregister_plugins(plugins, cli)",
    )
    assert run("show", "feature", "--help").stdout.count("\n  mode ") == 1


@pytest.mark.parametrize(
    "spoilt", ["raise SystemError", "import nosuchmodule", "(", "print('x', file=open('/nonexistent/x'))"]
)
def test_half_of_us_is_silence(hostile, spoilt):
    """The plugin is there and what it needs is not, or is broken: an upgrade in the middle, a disk that was full."""
    site, run = hostile
    (site / "show_kube").mkdir()
    (site / "show_kube/__init__.py").write_text(spoilt)
    ran = run("show", "version")
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "SONiC Software Version: SONiC.sandbox\n", "")
    assert "mode" not in listed(run("show", "feature", "--help").stdout)


def test_a_command_that_cannot_be_loaded_says_so(hostile):
    site, run = hostile
    (site / "hiredis.py").write_text("raise ImportError('no hiredis here')\n")
    assert "mode" in listed(run("show", "feature", "--help").stdout)
    ran = run("show", "feature", "mode")
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr == ("Error: `mode` cannot be loaded: no hiredis here\nTry: install the package's wheel again\n")


def test_a_plugin_folder_that_cannot_be_written(hostile, host, fakes):
    site, _ = hostile
    folder = site / "show/plugins"
    folder.chmod(0o555)
    unprivileged = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.geteuid() == 0 else []
    fakes.feature("snmp")
    try:
        for _ in range(2):
            ran = subprocess.run(
                [*unprivileged, *host.argv("show", "feature", "mode")],
                env={**fakes.environment, "PYTHONPATH": str(site)},
                capture_output=True,
                text=True,
            )
            assert (ran.returncode, ran.stderr) == (0, "")
            assert "snmp" in ran.stdout
        assert not (folder / "__pycache__").exists()
    finally:
        folder.chmod(0o755)


# --- the wheel ---------------------------------------------------------------------------------------------------


def test_the_wheel_comes_and_goes_and_leaves_the_host_as_it_was(bare_host, built_wheel, tmp_path):
    made = Host(tmp_path / "host")
    before = made.files()
    assert before == bare_host.files()
    for words in (["install"], ["install", "--force-reinstall"]):
        made.pip(*words, "--no-index", "--no-deps", built_wheel)
        new = {f for f in made.files() - before if f.startswith(("show/", "config/"))}
        assert new == {f"show/plugins/{PLUGIN}", f"config/plugins/{PLUGIN}"}
        assert before <= made.files()
    made.pip("uninstall", "--yes", "sonic-system-service")
    assert made.files() == before
    assert made.run("show", "version").returncode == 0
