"""Whatever an API server or a kubeconfig may be, the cluster backend ends in a sentence, in time."""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.kube import pki as certificates
from sandbox.kube.pki import Pki
from system_service.backends.cluster import Cluster
from system_service.backends.join_discovery import prove, read
from system_service.errors import Failed, Interrupted, NotPermitted, SwitchError, TimedOut, Unreachable
from tests.fakes.api_server import ApiServer, Failure, daemonset, make_pki, pod

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
    fails(tmp_path, Unreachable, "cannot be used: it is no plain file")


def test_a_kubeconfig_that_may_not_be_read(tmp_path: Path, mocker: Any) -> None:
    mocker.patch("os.open", side_effect=PermissionError(13, "Permission denied"))
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


def waits_for(node: str) -> dict[str, Any]:
    """A pod that its DaemonSet has made for this node, and that has not got there."""
    unscheduled = {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": f"not on {node}"}
    made = pod(f"snmp-{node}", "snmp", node="", conditions=[unscheduled])
    field = {"key": "metadata.name", "operator": "In", "values": [node]}
    terms = {"nodeSelectorTerms": [{"matchFields": [field]}]}
    made["spec"]["affinity"] = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}
    return made


def test_a_pod_that_another_switch_waits_for_says_nothing_of_this_one(config: Path, api: ApiServer) -> None:
    api.put(SETS, daemonset("snmp", "snmp"))
    api.put(PODS, waits_for("elsewhere"))
    assert Cluster(str(config), "sonic").why("snmp") == "the DaemonSet has no pod on this node"
    api.put(PODS, waits_for("sonic"))
    assert Cluster(str(config), "sonic").why("snmp") == "Unschedulable: not on sonic"


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


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_kubeconfig_that_others_may_write(config: Path, api: ApiServer, mode: int) -> None:
    """It says whom to trust, and who it is that asks."""
    config.chmod(mode)
    fails(config, Unreachable, "cannot be used: others may write it: chmod go-w")
    assert api.connections == 0


def test_a_kubeconfig_that_is_another_users(config: Path, api: ApiServer) -> None:
    os.chown(config, 1000, -1)
    fails(config, Unreachable, "cannot be used: others may write it: chown root")
    assert api.connections == 0


@pytest.mark.parametrize("named", ["certificate-authority", "client-certificate", "client-key", "tokenFile"])
@pytest.mark.parametrize("whose", ["others", "another"])
def test_a_file_that_a_kubeconfig_names_is_trusted_no_further(
    config: Path, api: ApiServer, tmp_path: Path, named: str, whose: str
) -> None:
    (tmp_path / "named").write_text("x")
    (tmp_path / "named").chmod(0o666 if whose == "others" else 0o600)
    os.chown(tmp_path / "named", 0 if whose == "others" else 1000, -1)
    table, kind = ("clusters", "cluster") if named == "certificate-authority" else ("users", "user")

    def name_it(found: dict[str, Any]) -> None:
        entry = found[table][0][kind]
        entry.pop(f"{named}-data", None)
        entry[named] = "named"

    _without(config, name_it)
    fails(config, Unreachable, f"cannot be used: {tmp_path}/named: others may write it")
    assert api.connections == 0


@pytest.mark.parametrize("word", ["exec", "auth-provider"])
def test_nobodys_program_is_run(config: Path, tmp_path: Path, word: str) -> None:
    """It would run as root, outside every limit, and with signals put off."""
    ran = tmp_path / "ran"
    program = {"apiVersion": "client.authentication.k8s.io/v1", "command": "/bin/sh", "args": ["-c", f"echo > {ran}"]}
    command = {"cmd-path": "/bin/sh", "cmd-args": f"-c echo>{ran}"}
    entry = program if word == "exec" else {"name": "gcp", "config": command}
    _without(config, lambda found: found["users"][0].update(user={word: entry}))
    fails(config, Unreachable, f"cannot be used: it would have a program run .{word}.")
    assert not ran.exists()


@pytest.mark.parametrize("text", ["true", "'true'", "True", "yes"])
def test_a_server_that_is_not_verified_hears_nothing(tmp_path: Path, api: ApiServer, text: str) -> None:
    cluster = f"{{server: '{api.url}', insecure-skip-tls-verify: {text}}}"
    path = tmp_path / "kubeconfig"
    path.write_text(
        f"{{clusters: [{{name: a, cluster: {cluster}}}], users: [{{name: b, user: {{token: secret}}}}], "
        "contexts: [{name: c, context: {cluster: a, user: b}}], current-context: c}"
    )
    fails(path, Unreachable, "cannot be used: it does not verify its server")
    assert (api.connections, dict(api.calls)) == (0, {})


def test_verified_all_the_same_where_yaml_says_that_it_need_not_be_skipped(tmp_path: Path, api: ApiServer) -> None:
    """A word that is read as text is no false."""
    path = tmp_path / "kubeconfig"
    path.write_text(
        f"{{clusters: [{{name: a, cluster: {{server: '{api.url}', insecure-skip-tls-verify: false}}}}], "
        "users: [{name: b, user: {token: secret}}], "
        "contexts: [{name: c, context: {cluster: a, user: b}}], current-context: c}"
    )
    fails(path, Unreachable, "is not the one that .* trusts")
    assert dict(api.calls) == {}


def test_no_proxy_is_gone_through(config: Path, api: ApiServer, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert Cluster(str(config), "sonic").look().ready
    _without(config, lambda found: found["clusters"][0]["cluster"].update({"proxy-url": "http://127.0.0.1:1"}))
    fails(config, Unreachable, "cannot be used: it goes through a proxy")


def test_no_key_lies_in_a_file(config: Path, api: ApiServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is killed by SIGKILL removes nothing."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    seen: list[Path] = []
    cluster = Cluster(str(config), "sonic")
    exchange = cluster._exchange
    monkeypatch.setattr(cluster, "_exchange", lambda *words: (seen.extend(folder.iterdir()), exchange(*words))[1])
    assert cluster.look().ready
    assert (seen, list(folder.iterdir())) == ([], [])


def test_a_key_that_asks_for_words_asks_nobody(config: Path, pki: Pki, tmp_path: Path) -> None:
    locked = tmp_path / "locked.key"
    argv = ["openssl", "ec", "-aes256", "-passout", "pass:words", "-in", pki.path("admin.key"), "-out", str(locked)]
    subprocess.run(argv, check=True, capture_output=True)
    data = base64.b64encode(locked.read_bytes()).decode()
    _without(config, lambda found: found["users"][0]["user"].update({"client-key-data": data}))
    fails(config, Unreachable, "its certificate or key is none")


def test_a_pipe_that_nobody_writes_to_is_not_waited_for(config: Path, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    fails(tmp_path / "pipe", Unreachable, "it is no plain file")
    _without(config, lambda found: found["users"][0].update(user={"tokenFile": "pipe"}))
    fails(config, Unreachable, "pipe: it is no plain file")


def test_certificates_beside_the_kubeconfig_are_found(config: Path, pki: Pki) -> None:
    for name in ("ca.crt", "admin.crt", "admin.key"):
        (config.parent / name).write_bytes(Path(pki.path(name)).read_bytes())
        (config.parent / name).chmod(0o600)
    _without(
        config,
        lambda found: found["users"][0].update(user={"client-certificate": "admin.crt", "client-key": "admin.key"}),
    )
    _without(config, lambda found: found["clusters"][0]["cluster"].pop("certificate-authority-data"))
    _without(config, lambda found: found["clusters"][0]["cluster"].update({"certificate-authority": "ca.crt"}))
    assert Cluster(str(config), "sonic").look().ready


def test_a_stricter_python_refuses_no_cluster_that_its_kubelet_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 wants key identifiers in every certificate; who vouches and for which name is verified as before."""
    monkeypatch.setattr(certificates, "_CA", (*certificates._CA, "subjectKeyIdentifier=none"))
    bare = ("subjectKeyIdentifier=none", "authorityKeyIdentifier=none")
    monkeypatch.setattr(certificates, "_LEAF", (*certificates._LEAF, *bare))
    old = make_pki(Pki(tmp_path / "pki"))
    real = ssl.create_default_context

    def strict(*words: Any, **options: Any) -> ssl.SSLContext:
        context = real(*words, **options)
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return context

    monkeypatch.setattr(ssl, "create_default_context", strict)
    config = tmp_path / "kubeconfig"
    with ApiServer(old) as api:
        config.write_text(old.kubeconfig("admin", api.url))
        with socket.create_connection(("127.0.0.1", api.port)) as line, pytest.raises(ssl.SSLCertVerificationError):
            strict(cafile=old.path("ca.crt")).wrap_socket(line, server_hostname="127.0.0.1")
        assert Cluster(str(config), "sonic").look().ready
        prove(read(str(config)), 5)
        _without(config, lambda found: found["clusters"][0]["cluster"].update(server=f"https://127.1:{api.port}"))
        fails(config, Unreachable, "is not the one that .* trusts")
        with pytest.raises(Unreachable, match="is not the one"):
            prove(read(str(config)), 5)


@pytest.mark.parametrize("token", ["secr\u00e9t", "secr\u20act"])
def test_a_token_that_no_header_can_hold(tmp_path: Path, api: ApiServer, pki: Pki, token: str) -> None:
    path = tmp_path / "kubeconfig"
    path.write_text(pki.kubeconfig("admin", api.url, token=token))
    with pytest.raises(Unreachable, match="its token is none") as raised:
        Cluster(str(path), "sonic").look()
    assert "secr" not in str(raised.value)


def test_how_long_it_asks_to_be_left_alone_is_known(config: Path, api: ApiServer) -> None:
    for status in (429, 503):
        for retry, after in (("7", 7.0), ("soon", 0.0), ("", 0.0), ("9" * 30, 0.0)):
            api.failure = Failure(status=status, body=b"{}", headers={"Retry-After": retry})
            with pytest.raises(Unreachable) as raised:
                Cluster(str(config), "sonic").look()
            assert raised.value.after == after


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


def test_a_command_whose_time_is_over_waits_for_no_answer(config: Path, api: ApiServer) -> None:
    cluster = Cluster(str(config), "sonic", 60.0)
    assert cluster.look().ready  # the client's import is not what is measured
    for kind in ("hang", "drip"):
        api.failure = Failure(kind)
        begun = time.monotonic()
        cluster.until = begun + 0.3
        with pytest.raises(TimedOut, match="no time was left for the API server at "):
            cluster.look()
        assert time.monotonic() - begun < 3


def test_a_signal_ends_a_question(config: Path, api: ApiServer) -> None:
    api.failure = Failure("hang")
    cluster = Cluster(str(config), "sonic", 60.0)

    def check() -> None:
        if api.calls:  # the API server has been asked, and is silent
            raise Interrupted(2, "interrupted by SIGINT", "again")

    cluster.check = check
    begun = time.monotonic()
    with pytest.raises(Interrupted):
        cluster.look()
    assert time.monotonic() - begun < 30
