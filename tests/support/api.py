"""The fake API server for tests: its certificates, once a module, and a new server for each test."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.kube.pki import Pki
from tests.fakes.api_server import ApiServer, make_pki


@pytest.fixture(scope="module")
def pki() -> Iterator[Pki]:
    """A certificate authority and the administrator's certificate."""
    with tempfile.TemporaryDirectory(prefix="pki-", dir="/tmp") as path:
        yield make_pki(Pki(Path(path) / "pki"))


@pytest.fixture
def api(pki: Pki) -> Iterator[ApiServer]:
    """A server that knows the node `sonic`."""
    with ApiServer(pki) as server:
        yield server
