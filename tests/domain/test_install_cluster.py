"""Installing and uninstalling with an API server: its label, the reason, and what stays while it cannot be told."""

from __future__ import annotations

import os

import pytest

from system_service.domain.change.operate import Ask
from system_service.domain.change.plan import Request, Verb
from system_service.domain.kube_only.install import install, repair, uninstall
from system_service.domain.status.observe import observe
from system_service.domain.status.report import report
from system_service.errors import Refused, TimedOut, Unreachable
from tests.domain.change.test_asking import clock
from tests.fakes.api_server import Failure, daemonset, pod
from tests.support.systemd import Spec

__all__ = ["clock"]

NAME = "probe"
PATCH = ("PATCH", "/api/v1/nodes/sonic")
PODS = "/api/v1/namespaces/sonic/pods"


@pytest.fixture
def joined(fakes, api, pki, tmp_path, monkeypatch, asker):
    fakes.systemd(snmp=Spec())
    fakes.feature("snmp")
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "10.0.0.1"})
    (tmp_path / "kubeconfig").write_text(pki.kubeconfig("admin", api.url))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))
    monkeypatch.setenv("SYSTEM_SERVICE_NODE_NAME", "sonic")
    monkeypatch.setenv("SYSTEM_SERVICE_RUN_DIR", fakes.run_dir)
    monkeypatch.setenv("PATH", fakes.bin, prepend=os.pathsep)
    return fakes


def ask(timeout: float = 5.0) -> Ask:
    return Ask("config feature install", (NAME,), Request(Verb.MODE), timeout)


def own(fakes):
    return fakes.redis.row(6, f"SYSTEM_SERVICE|{NAME}")


def detail(fakes) -> str:
    return str(report(observe(fakes.switch(), (NAME,)).features[0]).detail)


def gone(fakes) -> bool:
    return (fakes.row(NAME), fakes.row(NAME, "STATE_DB"), own(fakes), fakes.switch().unit_files().read(NAME)) == (
        *(None, None, None, None),
    )


def test_one_patch_and_the_reason(joined, api):
    assert install(joined.switch(), ask()).error is None
    assert (api.calls[PATCH], api.labels[f"{NAME}_enabled"]) == (1, "true")
    assert detail(joined).startswith(f"pending deployment: there is no DaemonSet for {NAME} in namespace sonic (since ")
    api.put("/apis/apps/v1/namespaces/sonic/daemonsets", daemonset(NAME, NAME))
    again = install(joined.switch(), ask())
    assert (again.changed, api.calls[PATCH]) == (False, 1)
    assert "the DaemonSet has no pod on this node" in detail(joined)
    assert uninstall(joined.switch(), ask()).error is None
    assert f"{NAME}_enabled" not in api.labels
    assert gone(joined)


@pytest.mark.parametrize("failure", [Failure(status=503, body=b"{}"), Failure(status=401, body=b"{}"), Failure("cut")])
def test_an_api_server_that_fails_fails_no_install_and_keeps_the_row_of_an_uninstall(joined, api, failure):
    api.failure = failure
    made = install(joined.switch(), ask())
    assert (made.error, made.reports[0].status) == (None, "pending")
    assert detail(joined).startswith("pending deployment: the API server at https://127.0.0.1:")
    late = uninstall(joined.switch(), ask())
    assert late.error is not None
    assert late.error.exit_code in (7, 8)
    assert (late.changed, joined.row(NAME)["state"]) == (True, "disabled")
    assert joined.switch().unit_files().read(NAME) is None
    assert detail(joined) == f"being uninstalled: config feature uninstall {NAME}"
    (still,) = repair(joined.switch(), ask())
    assert still.error is not None
    api.failure = None
    (done,) = repair(joined.switch(), ask())
    assert done.error is None
    assert gone(joined)


def test_without_a_kubeconfig_the_row_stays_and_says_so(joined, monkeypatch):
    install(joined.switch(), ask())
    monkeypatch.setenv("KUBECONFIG", "/nonexistent")
    late = uninstall(joined.switch(), ask())
    assert isinstance(late.error, Unreachable)
    assert "/nonexistent" in str(late.error)
    assert joined.row(NAME)["state"] == "disabled"


def test_as_long_as_the_api_server_asks_to_be_left_alone_it_is(joined, api):
    install(joined.switch(), ask())
    api.failure = Failure(status=429, body=b"{}", headers={"Retry-After": "120"})
    late = uninstall(joined.switch(), ask())
    assert isinstance(late.error, Unreachable)
    assert late.error.after == 120.0


def test_the_rows_stay_until_the_pod_has_gone(joined, api):
    install(joined.switch(), ask())
    api.put(PODS, pod("probe-1", NAME))
    late = uninstall(joined.switch(), ask(1.5))
    assert isinstance(late.error, TimedOut)
    assert (joined.row(NAME)["state"], joined.row(NAME, "STATE_DB") is None) == ("disabled", True)
    del api.objects[PODS]["probe-1"]
    assert uninstall(joined.switch(), ask()).error is None
    assert gone(joined)


def test_whether_the_pod_has_gone_is_asked_less_and_less_often(joined, api, clock):
    install(joined.switch(), ask())
    api.put(PODS, pod("probe-1", NAME))
    api.calls.clear()
    clock.step = 1.0
    late = uninstall(joined.switch(), ask(300))
    assert isinstance(late.error, TimedOut)
    assert 4 <= api.calls["GET", PODS] <= 12  # in five minutes


def test_a_cluster_that_forgot_this_node_keeps_nothing(joined, api):
    install(joined.switch(), ask())
    api.objects["/api/v1/nodes"].clear()
    assert uninstall(joined.switch(), ask()).error is None
    assert gone(joined)


def test_a_server_that_was_taken_away_is_not_asked(joined, api):
    install(joined.switch(), ask())
    joined.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "10.0.0.1", "disable": "True"})
    api.calls.clear()
    assert uninstall(joined.switch(), ask()).error is None
    assert (api.calls, gone(joined)) == ({}, True)


def test_uninstalled_meanwhile_it_is_not_enabled(joined, api, asker):
    install(joined.switch(), ask())
    api.failure = Failure(status=503, body=b"{}")
    uninstall(joined.switch(), ask())
    assert isinstance(asker("enable", NAME).error, Refused)
    api.failure = None
    assert install(joined.switch(), ask()).error is None  # taken back
    assert (joined.row(NAME)["state"], api.labels[f"{NAME}_enabled"]) == ("enabled", "true")
