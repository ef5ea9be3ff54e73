"""What every test may use, and one rule: on a CI machine nothing is skipped."""

from __future__ import annotations

import os

import pytest

from sandbox.switch import NAME
from tests.support.api import api, pki
from tests.support.fakes import fakes
from tests.support.switch import cluster, switch, witness

__all__ = ["api", "cluster", "fakes", "pki", "switch", "witness"]


@pytest.fixture(scope="session")
def virtual_systemd(switch):
    """(the engine's socket, the container whose PID 1 is a real systemd)."""
    return str(switch.engine.socket), NAME


_ON_THE_SWITCH = ("tests/acceptance/", "tests/sandbox/", "tests/contract/test_units.py")
# Of the files that need a cluster, those that make the second half of the time.
_SECOND_CLUSTER = (
    *("test_boundaries.py", "test_claims.py", "test_ctrmgrd.py", "test_kills.py", "test_turmoil.py"),
    *("test_unserved.py", "test_updates.py"),
)
# What takes long, by itself or because it is many: not in the fast loop (`make check`).
_SLOW = (
    *("tests/acceptance/", "tests/sandbox/", "tests/contract/", "tests/waiter/", "tests/recordings/", "tests/rows/"),
    *("tests/packages/", "tests/fuzz/", "tests/terminal/test_progress.py", "tests/terminal/test_shells.py"),
    *(f"tests/model/test_{name}.py" for name in ("custody", "mutants", "space")),
    *("tests/backends/test_limits.py", "tests/domain/cluster/", "tests/domain/kube_only/test_install.py"),
    *("tests/domain/change/test_move.py", "tests/domain/change/test_operate.py", "tests/domain/test_host_setup.py"),
    *("tests/domain/test_install_cluster.py", "tests/cli/test_install.py"),
    # A process for each command line.
    *(
        f"tests/cli/test_{name}.py"
        for name in ("bad_backends", "config_feature", "feature_mode", "json", "legacy_only")
    ),
    *(f"tests/cli/test_{name}.py" for name in ("plugins", "sync_again", "system_container", "system_service")),
)
_LONG = ("cluster", "second cluster", "switch")
_SEARCHES = "tests/model/"  # pure, each of them on its own, and minutes of a core


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With several workers: two have a switch that has joined a cluster, one has a switch without; the others take the
    rest, a file at a time, and searches of the model one by one. What takes long is first."""
    groups = {item.nodeid: _group(item) for item in items}
    items.sort(key=lambda item: _rank(item.nodeid, groups[item.nodeid]))
    for item in items:
        item.add_marker(pytest.mark.xdist_group(groups[item.nodeid]))
        if item.nodeid.startswith(_SLOW):
            item.add_marker(pytest.mark.slow)


def _group(item):
    file, fixtures = item.nodeid.partition("::")[0], getattr(item, "fixturenames", ())
    if "cluster" in fixtures:
        return "second cluster" if file.endswith(_SECOND_CLUSTER) else "cluster"
    if "switch" in fixtures or file.startswith(_ON_THE_SWITCH):
        return "switch"
    return item.nodeid if file.startswith(_SEARCHES) else file


def _rank(nodeid, group):
    if group in _LONG:
        return _LONG.index(group)
    return len(_LONG) + (not nodeid.startswith(_SEARCHES))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    report = yield
    if report.skipped and os.environ.get("CI") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid} was skipped, and CI has every part: {report.longrepr}"
    return report
