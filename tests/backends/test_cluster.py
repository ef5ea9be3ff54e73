"""Whatever an API server or a kubeconfig may be, the cluster backend ends in a sentence, in time."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.kube.pki import Pki
from system_service.backends.cluster import Cluster
from system_service.errors import Failed, NotPermitted, SwitchError, Unreachable
from tests.fakes.api_server import ApiServer, Failure, daemonset, pod

PODS = "/api/v1/namespaces/sonic/pods"
EVENTS = "/api/v1/namespaces/sonic/events"
SETS = "/apis/apps/v1/namespaces/sonic/daemonsets"


@pytest.fixture
def config(tmp_path: Path, api: ApiServer, pki: Pki) -> Path:
    path = tmp_path / "kubeconfig"
    path.write_text(pki.kubeconfig("admin", api.url))
    return path


def test_the_namespace_is_a_setting(config: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(config))
    assert Cluster.from_env().namespace == "sonic"
    monkeypatch.setenv("SYSTEM_SERVICE_POD_NAMESPACE", "switches")
    api.objects["/apis/apps/v1/namespaces/switches/daemonsets"] = {"snmp": daemonset("snmp", "snmp")}
    api.objects["/api/v1/namespaces/switches/pods"] = {}
    cluster = Cluster.from_env()
    cluster.timeout = 60.0  # the client's import counts
    assert cluster.why("snmp") == "the DaemonSet has no pod on this node"


def fails(config: Path, kind: type[SwitchError], words: str, timeout: float = 5.0) -> None:
    begun = time.monotonic()
    with pytest.raises(kind, match=words) as raised:
        Cluster(str(config), "sonic", timeout).look()
    assert raised.value.resolution
    assert time.monotonic() - begun < timeout + 3
    assert "BEGIN" not in str(raised.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "cannot be used"),
        ("{", "cannot be used"),
        ("- a\n- list\n", "cannot be used"),
        ("[1, 2", "cannot be used"),
        ('{"apiVersion": "v1", "kind": "Config"}', "cannot be used"),
        ("\x00\x01\x02", "cannot be used"),
    ],
)
def test_a_kubeconfig_that_is_none(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(text)
    fails(path, Unreachable, words)


def test_a_kubeconfig_that_is_not_there(tmp_path: Path) -> None:
    fails(tmp_path / "none", Unreachable, "cannot be used: No such file")
    fails(tmp_path, Unreachable, "cannot be used: Is a directory")


def test_a_kubeconfig_that_may_not_be_read(tmp_path: Path, mocker: Any) -> None:
    mocker.patch("builtins.open", side_effect=PermissionError(13, "Permission denied"))
    with pytest.raises(NotPermitted, match="may not be read") as raised:
        Cluster(str(tmp_path / "kubeconfig"), "sonic").look()
    assert raised.value.resolution == "run it as root (sudo)"


def _without(config: Path, change: Any) -> None:
    found = json.loads(config.read_text())
    change(found)
    config.write_text(json.dumps(found))


def test_an_unknown_context(config: Path) -> None:
    _without(config, lambda found: found.update({"current-context": "elsewhere"}))
    fails(config, Unreachable, "cannot be used")


def test_plain_http_is_not_spoken(config: Path) -> None:
    _without(config, lambda found: found["clusters"][0]["cluster"].update(server="http://127.0.0.1:8080"))
    fails(config, Unreachable, "no https address")


def test_certificate_data_that_is_none(config: Path) -> None:
    _without(config, lambda found: found["users"][0]["user"].update({"client-key-data": "AAAA"}))
    fails(config, Unreachable, "cannot be used")


def test_an_expired_certificate(config: Path, api: ApiServer, pki: Pki) -> None:
    pki.issue("old", "/O=system:masters/CN=admin", "clientAuth", days=-1)
    config.write_text(pki.kubeconfig("old", api.url))
    with pytest.raises((NotPermitted, Unreachable)):
        Cluster(str(config), "sonic").look()


def test_nobody_listens(config: Path, api: ApiServer) -> None:
    api.stop()
    fails(config, Unreachable, "nobody listens there")


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_an_answer_that_does_not_end_is_not_waited_for(config: Path, api: ApiServer, kind: str) -> None:
    api.failure = Failure(kind)
    fails(config, Unreachable, "did not answer within 1 s|no answer in time", timeout=1.0)


@pytest.mark.parametrize(
    ("failure", "kind", "words"),
    [
        (Failure("cut"), Unreachable, "cannot be reached|nonsense"),
        (Failure(status=200, body=b"<html>proxy</html>"), Unreachable, "nonsense"),
        (Failure(status=200, body=b'{"metadata": '), Unreachable, "nonsense"),
        (Failure(status=200, body=b"[" * 100000), Unreachable, "nonsense"),
        (Failure(status=200, body=b"[]"), Unreachable, "nonsense"),
        (Failure(status=302, headers={"Location": "https://127.0.0.1:1/"}), Unreachable, "answered 302"),
        (Failure(status=401, body=b"{}"), NotPermitted, "401"),
        (Failure(status=403, body=b'{"message": "nodes is forbidden\\u001b[2J"}'), NotPermitted, "forbidden"),
        (Failure(status=404, body=b"{}"), Failed, "knows no node sonic"),
        (Failure(status=409, body=b'{"message": "the object has been modified"}'), Failed, "refused .409.: the object"),
        (Failure(status=422, body=b'{"message": "x\\u001b[2J\\u0000y"}'), Failed, "refused .422."),
        (Failure(status=429, headers={"Retry-After": "7"}), Unreachable, "left alone for 7 s"),
        (Failure(status=429, headers={"Retry-After": "soon\x1b"}), Unreachable, "left alone"),
        (Failure(status=500, body=b"oops"), Unreachable, "answered 500"),
        (Failure(status=503, body=b'{"message": "etcd is away"}'), Unreachable, "etcd is away"),
    ],
)
def test_an_answer_that_is_none(
    config: Path, api: ApiServer, failure: Failure, kind: type[SwitchError], words: str
) -> None:
    api.failure = failure
    fails(config, kind, words)
    with pytest.raises(SwitchError) as raised:
        Cluster(str(config), "sonic").label({"snmp_enabled": "true"})
    assert str(raised.value).isprintable()


@pytest.mark.parametrize("labels", [None, [], {"a": 1, "b": None, "c": "yes"}, "text"])
def test_labels_that_are_none(config: Path, api: ApiServer, labels: Any) -> None:
    node = api.objects["/api/v1/nodes"]["sonic"]
    node["metadata"]["labels"] = labels
    node["status"] = labels
    found = Cluster(str(config), "sonic").look()
    assert (dict(found.labels), found.ready) == ({"c": "yes"} if isinstance(labels, dict) else {}, False)


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ({"phase": "Pending"}, "its pod is Pending"),
        (
            {"containerStatuses": [{"name": "snmp", "state": {"waiting": {"reason": "ImagePullBackOff"}}}]},
            "ImagePullBackOff",
        ),
        (
            {"containerStatuses": [{"name": "snmp", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}]},
            "CrashLoopBackOff",
        ),
        (
            {"containerStatuses": [{"name": "snmp", "state": {"terminated": {"reason": "Error", "message": "a\nb"}}}]},
            "Error: a b",
        ),
        ({"phase": "Failed", "reason": "Evicted"}, "its pod failed: Evicted"),
        ({"containerStatuses": [{"name": "snmp", "state": {"running": {}}}]}, ""),
        ({"containerStatuses": "nonsense", "conditions": 7}, "its pod is new"),
        (
            {"conditions": [{"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "no"}]},
            "Unschedulable: no",
        ),
    ],
)
def test_why_a_pod_does_not_run(config: Path, api: ApiServer, status: dict[str, Any], words: str) -> None:
    api.put(SETS, daemonset("snmp", "snmp"))
    api.put(PODS, pod("snmp-1", "snmp", **status))
    api.put(PODS, pod("other-1", "lldp", phase="Running"))
    api.put(PODS, pod("snmp-2", "snmp", node="elsewhere", phase="Running"))
    assert Cluster(str(config), "sonic").why("snmp") == words


@pytest.mark.parametrize(
    ("events", "words"),
    [
        (["Scheduled", "Pulling"], "its image is being pulled"),
        (["Pulling", "Pulled"], "its container is being made"),
        ([], "its container is being made"),
        (["Pulling of another"], "its container is being made"),
        (None, "its container is being made"),  # not for this switch's eyes
    ],
)
def test_what_of_a_container_is_under_way(config: Path, api: ApiServer, events: list[str] | None, words: str) -> None:
    api.put(SETS, daemonset("snmp", "snmp"))
    waiting = {"waiting": {"reason": "ContainerCreating"}}
    api.put(PODS, pod("snmp-1", "snmp", containerStatuses=[{"name": "snmp", "state": waiting}]))
    if events is None:
        del api.objects[EVENTS]
    for number, told in enumerate(events or ()):
        about = "lldp-1" if "another" in told else "snmp-1"
        event = {"reason": told.split()[0], "involvedObject": {"name": about}}
        api.put(EVENTS, {"metadata": {"name": f"e{number}"}, **event})
    assert Cluster(str(config), "sonic").why("snmp") == words


def test_a_terminating_pod_beside_one_that_runs(config: Path, api: ApiServer) -> None:
    api.put(SETS, daemonset("snmp", "snmp"))
    old = pod("snmp-1", "snmp", phase="Running")
    old["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    api.put(PODS, old)
    assert Cluster(str(config), "sonic").why("snmp") == "its pod is terminating"
    api.put(PODS, pod("snmp-2", "snmp", containerStatuses=[{"name": "snmp", "state": {"running": {}}}]))
    assert Cluster(str(config), "sonic").why("snmp") == ""


def test_hostile_words_of_a_pod_are_shown_as_one_harmless_line(config: Path, api: ApiServer) -> None:
    api.put(SETS, daemonset("snmp", "snmp"))
    bad = {"reason": "Err\x1b[2J\r\n", "message": "\u202eevil\x07" * 100}
    api.put(PODS, pod("snmp-1", "snmp", containerStatuses=[{"name": "snmp", "state": {"waiting": bad}}]))
    why = Cluster(str(config), "sonic").why("snmp")
    assert why.isprintable()
    assert len(why) < 200


def test_one_patch_is_one_call(config: Path, api: ApiServer) -> None:
    Cluster(str(config), "sonic").label({f"f{n}_enabled": "true" for n in range(10)})
    assert dict(api.calls) == {("PATCH", "/api/v1/nodes/sonic"): 1}


@pytest.mark.parametrize("around", ["{}\n", "{}"])
def test_a_token_with_a_newline_of_its_file(tmp_path: Path, api: ApiServer, pki: Pki, around: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(pki.kubeconfig("admin", api.url, token=around.format(api.token)))
    assert Cluster(str(path), "sonic").look().ready is True


def test_a_token_that_is_none_is_never_told(tmp_path: Path, api: ApiServer, pki: Pki) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(pki.kubeconfig("admin", api.url, token="secret\nX-Other: word"))
    with pytest.raises(Unreachable, match="its token is none") as raised:
        Cluster(str(path), "sonic").look()
    assert "secret" not in str(raised.value)
