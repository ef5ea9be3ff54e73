"""The manual pages as `man` shows them: without a warning, within 80 columns, with all that an operator looks for."""

from __future__ import annotations

import os
import subprocess

import click
import pytest

from tests.docs.generate import ROOTS, manuals, walk

PAGES = sorted(str(path) for path in manuals())


@pytest.mark.parametrize("page", PAGES)
def test_groff_has_no_warning(page):
    ran = subprocess.run(
        ["groff", "-man", "-t", "-Tutf8", "-Kutf8", "-ww", "-z", page], capture_output=True, text=True, timeout=60
    )
    assert (ran.returncode, ran.stdout + ran.stderr) == (0, "")


def shown(page: str) -> str:
    environment = {**os.environ, "MANWIDTH": "80", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8", "MANROFFOPT": "-c"}
    ran = subprocess.run(["man", "--warnings", "-l", page], env=environment, capture_output=True, text=True, timeout=60)
    assert (ran.returncode, ran.stderr) == (0, "")
    return ran.stdout


@pytest.mark.parametrize("page", PAGES)
def test_every_page_has_its_sections_within_80_columns(page):
    lines = shown(page).splitlines()
    sections = [line for line in lines if line[:1].isalpha() and line.isupper()]
    assert sections == [
        *("NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "SEE ALSO")
    ]
    assert [line for line in lines if len(line) > 80] == []


def test_a_command_is_shown_as_its_help_says_it():
    lines = shown(next(page for page in PAGES if page.endswith("/system.1"))).splitlines()
    begin = lines.index("   system service stop")
    told = " ".join(" ".join(lines[begin : begin + 30]).split())
    assert told.startswith("system service stop system service stop [OPTIONS] NAME... Stop features, in either mode.")
    assert "Examples: system service stop snmp system service stop snmp --dry-run --timeout SECONDS Time" in told
    assert "       system - manage the switch's features, whoever runs them" in lines
    text = " ".join(" ".join(lines).split())
    assert "5 a rule forbids it: always_enabled," in text
    assert "is no such feature, or no such container. Next: system service list." in text
    assert "SYSTEM_SERVICE_DB_CONFIG where the databases are;" in text
    assert "/etc/sonic/kube_admin.conf the API server," in text
    assert "config-kube(1), show-kube(1), docker(1), journalctl(1), systemctl(1)" in text


def test_every_command_has_its_place():
    for path in map(str, manuals()):
        lines = shown(path).splitlines()
        program = os.path.basename(path).removesuffix(".1")
        walked = walk(ROOTS[program], program)
        leaves = [context.command_path for context in walked if not isinstance(context.command, click.Group)]
        assert len(leaves) > 5
        assert [leaf for leaf in leaves if f"   {leaf}" not in lines] == []
