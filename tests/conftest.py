"""What every test may use, and one rule: on a CI machine nothing is skipped."""

from __future__ import annotations

import os

import pytest

from tests.support.switch import switch, witness

__all__ = ["switch", "witness"]


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI has every part: {report.longrepr}"
    return report
