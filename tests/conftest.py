"""What every test may use, and one rule: on a CI machine nothing is skipped."""

from __future__ import annotations

import os

import pytest

from sandbox.switch import NAME
from tests.support.fakes import fakes
from tests.support.switch import switch, witness

__all__ = ["fakes", "switch", "witness"]


@pytest.fixture(scope="session")
def virtual_systemd(switch):
    """(the engine's socket, the container whose PID 1 is a real systemd)."""
    return str(switch.engine.socket), NAME


_ON_THE_SWITCH = ("tests/acceptance/", "tests/sandbox/", "tests/contract/test_units.py")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With several workers: one has the switch and all its tests; the others take the rest, a file at a time."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        on_switch = "switch" in getattr(item, "fixturenames", ()) or file.startswith(_ON_THE_SWITCH)
        item.add_marker(pytest.mark.xdist_group("switch" if on_switch else file))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI has every part: {report.longrepr}"
    return report
