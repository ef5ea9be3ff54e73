"""`system host install` and `uninstall` as typed: what they would do here, told and not done."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def here(fakes):
    fakes.feature("snmp")
    fakes.program("system", ["true"])
    return fakes


def test_the_plan_of_an_installation(here):
    ran = here.run("system", "host", "install", "--dry-run")
    assert (ran.code, ran.err) == (0, "")
    assert any(line.startswith("place /usr/local/bin/container") for line in ran.out.splitlines())
    assert "sonic-system-service-gates" not in ran.out
    wanted = here.run("system", "host", "install", "--dry-run", "--kubernetes")
    assert "enable sonic-system-service-gates.service" in wanted.out.splitlines()


def test_the_plan_of_a_removal_says_what_is_left(here):
    assert here.run("system", "host", "uninstall", "--dry-run") == (0, "nothing to do\n", "")
    os.mkdir(here.run_dir)
    here.put("STATE_DB", "SYSTEM_SERVICE|snmp", {"stop": "1.00"})
    ran = here.run("system", "host", "uninstall", "--dry-run")
    # The folder that goes is the switch's, and not what a variable names.
    assert ran == (0, "remove SYSTEM_SERVICE|snmp from STATE_DB\n", "")
    assert os.path.isdir(here.run_dir)


def test_what_somebody_has_written_does_not_drive_the_terminal(here):
    here.put("STATE_DB", "SYSTEM_SERVICE|x\x1b[2J\r\nremove nothing", {"stop": "1.00"})
    ran = here.run("system", "host", "uninstall", "--dry-run")
    assert ran == (0, "remove SYSTEM_SERVICE|x\\x1b[2J\\r\\nremove nothing from STATE_DB\n", "")


def test_a_feature_in_kubernetes_mode_is_named_with_the_way_home(here):
    here.put("CONFIG_DB", "FEATURE|snmp", {"set_owner": "kube"})
    refused = here.run("system", "host", "uninstall")
    assert refused == (
        5,
        "",
        "Error: there are features in kubernetes mode: snmp\nTry: config-kube feature mode --all legacy\n",
    )


def test_without_the_program_there_is_nothing_to_place(fakes):
    ran = fakes.run("system", "host", "install", "--dry-run", PATH=fakes.bin)
    told = "Error: the program `system` is not in PATH\nTry: install the package's wheel again\n"
    assert (ran.code, ran.err) == (1, told)
