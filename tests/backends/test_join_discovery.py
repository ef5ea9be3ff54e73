"""The discovery file of a join: whatever an operator points at, and what kubeadm gets of it."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import stat
import sys
import threading
import time

import pytest

from system_service.backends.join_discovery import Discovery, authority_of, handed_over, joined_by, prove, read
from system_service.backends.kubeconfig import EXTRA
from system_service.errors import Interrupted, NotPermitted, Refused, Unreachable
from system_service.model import kube_server
from tests.fakes.api_server import ApiServer, Failure

CLUSTER_INFO = "/api/v1/namespaces/kube-public/configmaps/cluster-info"
USERS = b"\nusers: [{user: {token: t}}]"


@pytest.fixture
def path(tmp_path):
    return str(tmp_path / "discovery.conf")


def write(path: str, text: str | bytes) -> None:
    with open(path, "wb") as file:
        file.write(text.encode() if isinstance(text, str) else text)


def test_certificates_in_files_beside_it_are_embedded(pki, tmp_path, path):
    told = json.loads(pki.kubeconfig("admin", "https://10.0.0.1:6443"))
    write(path, json.dumps(told))
    embedded = read(path)
    told["users"][0]["user"] = {"client-certificate": "admin.crt", "client-key": pki.path("admin.key")}
    told["clusters"][0]["cluster"] = {"server": "https://10.0.0.1:6443", "certificate-authority": "ca.crt"}
    for name in ("admin.crt", "ca.crt"):
        with open(pki.path(name), "rb") as file:
            write(str(tmp_path / name), file.read())
    write(path, json.dumps(told))
    assert read(path) == embedded
    assert set(embedded.login) == {"client-certificate-data", "client-key-data"}
    assert embedded.fingerprint == pki.fingerprint("ca")
    assert embedded.login["client-key-data"] not in repr(embedded)


def test_a_token_from_a_file_and_the_context_that_counts(tmp_path, path):
    write(str(tmp_path / "token"), "abcdef.0123456789abcdef\n")
    clusters = [{"name": n, "cluster": {"server": f"https://{n}:1"}} for n in ("one", "two")]
    users = [{"name": "x", "user": {"tokenFile": "token"}}, {"name": "y", "user": {}}]
    contexts = [{"name": "c", "context": {"cluster": "two", "user": "x"}}]
    write(path, json.dumps({"clusters": clusters, "users": users, "contexts": contexts, "current-context": "c"}))
    found = read(path)
    assert (found.server, found.authority, found.login) == ("https://two:1", "", {"token": "abcdef.0123456789abcdef"})


def test_what_is_handed_over_is_on_no_disk_and_for_its_owner_alone(pki, path):
    write(path, pki.kubeconfig("admin", "https://10.0.0.1:6443"))
    given = read(path).at("https://10.0.0.2:6443")
    with handed_over(given) as name:
        assert stat.S_IMODE(os.stat(name).st_mode) == 0o600
        assert os.readlink(name).startswith("/memfd:")
        assert (read(name).server, read(name).login) == (given.server, given.login)
    assert not os.path.exists(name)


@pytest.mark.parametrize(
    ("text", "error", "said"),
    [
        (b"\xff\xfe\x00", Unreachable, "it is no YAML"),
        (b"a: [", Unreachable, "it is no YAML"),
        (b"- 1", Unreachable, "it is no kubeconfig"),
        (b"!!python/object/apply:os.system ['touch /tmp/x']", Unreachable, "it is no kubeconfig"),
        *(
            (text + b"\nclusters: []", Unreachable, "it names no server with an https address")
            for text in (b"a: !!bool foo", b'a: !!int ""', b"a: !!timestamp foo", b"a: !!float x", b"a: !!binary 7")
        ),
        (b'a: "\\UFFFFFFFF"', Unreachable, "it is no YAML"),
        pytest.param(b"[" * 100_000, Unreachable, "it is no YAML", id="deep"),
        (b"clusters: 7\nusers: {}\ncontexts: no", Unreachable, "it names no server with an https address"),
        (b"clusters: [{name: a, cluster: {server: 'http://x'}}]", Unreachable, "no server with an https address"),
        (b"clusters: [{name: a, cluster: {server: 'https://x'}}]", Refused, "neither a client certificate"),
        (
            b"clusters: [{cluster: {server: 'https://x', certificate-authority-data: '%%'}}]" + USERS,
            Unreachable,
            "its certificate-authority-data is no base64",
        ),
        (
            b"clusters: [{cluster: {server: 'https://x', certificate-authority: gone}}]" + USERS,
            Unreachable,
            "gone: No such file or directory",
        ),
    ],
)
def test_a_file_that_is_of_no_use_is_said_to_be(path, text, error, said):
    write(path, text)
    with pytest.raises(error, match=said) as raised:
        read(path)
    assert raised.value.resolution


def test_a_file_that_is_missing_or_may_not_be_read(path, tmp_path, monkeypatch):
    with pytest.raises(Unreachable, match=r"discovery\.conf cannot be used: No such file or directory"):
        read(path)
    os.mkfifo(tmp_path / "pipe")
    for odd in (str(tmp_path), str(tmp_path / "pipe"), "/dev/zero"):
        with pytest.raises(Unreachable, match="it is no plain file"):
            read(odd)
    with pytest.raises(Unreachable, match=r"embedded null (byte|character)"):
        read("a\0b")
    monkeypatch.setattr("os.open", lambda *_, **__: (_ for _ in ()).throw(PermissionError(13, "denied")))
    with pytest.raises(NotPermitted, match="may not be read"):
        read(path)


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
@pytest.mark.parametrize("which", ["discovery.conf", "ca.crt"])
def test_a_file_that_others_may_write_vouches_for_nobody(pki, tmp_path, path, mode, which):
    told = json.loads(pki.kubeconfig("admin", "https://10.0.0.1:6443"))
    told["clusters"][0]["cluster"] = {"server": "https://10.0.0.1:6443", "certificate-authority": "ca.crt"}
    write(path, json.dumps(told))
    with open(pki.path("ca.crt"), "rb") as file:
        write(str(tmp_path / "ca.crt"), file.read())
    assert read(path).authority
    os.chmod(tmp_path / which, mode)
    with pytest.raises(Unreachable, match="others may write it: chmod go-w"):
        read(path)


def test_without_a_reader_of_yaml_the_extra_is_named(pki, path, monkeypatch):
    monkeypatch.setitem(sys.modules, "yaml", None)
    write(path, "apiVersion: v1")
    with pytest.raises(Unreachable, match="nothing here reads YAML") as raised:
        read(path)
    assert raised.value.resolution == EXTRA
    # JSON does as well, as is said.
    write(path, pki.kubeconfig("admin", "https://10.0.0.1:6443"))
    assert read(path).server == "https://10.0.0.1:6443"


def test_what_kubeadm_wrote_is_read_and_nonsense_is_said_to_be(path):
    write(path, "clusters: [{cluster: {server: 'https://x:1'}}]")
    assert joined_by(path).server == "https://x:1"
    for text in (b"\xff", b"clusters: [{cluster: {server: ''}}]"):
        write(path, text)
        with pytest.raises(Unreachable, match="what this switch has joined cannot be told: ") as raised:
            joined_by(path)
        assert raised.value.resolution == "config kubernetes reset, then join"


def test_a_cluster_is_known_by_its_address_or_its_authority():
    mine = Discovery("https://x:1", "AAAA")
    assert mine.same(Discovery("https://x:1"))
    assert mine.same(Discovery("https://y:1", "AAAA"))
    assert not mine.same(Discovery("https://y:1", "AAAB"))
    assert not Discovery("https://x:1").same(Discovery("https://y:1"))


@pytest.mark.parametrize(
    "failure",
    [
        Failure(status=500, body=b"{}"),
        Failure(body=b"nonsense", status=200),
        Failure("raw", body=b"HELLO\r\n"),
        Failure("cut"),
        Failure("hang"),
        Failure("drip"),
        Failure("drip-head"),
    ],
)
def test_an_authority_that_is_not_told(api, failure):
    api.failure = failure
    begun = time.monotonic()
    with pytest.raises(Unreachable, match=f"the API server at {api.url} does not tell its authority"):
        authority_of(api.url, 0.5)
    assert time.monotonic() - begun < 3


@pytest.mark.parametrize("ask", [authority_of, lambda url, *more: prove(Discovery(url, ""), *more)])
def test_a_signal_is_heard_while_a_server_is_silent(ask):
    def check():
        raise Interrupted(15, "interrupted", "again")

    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as mute, pytest.raises(Interrupted):
        ask(f"https://127.0.0.1:{mute.getsockname()[1]}", 20, check)
    assert time.monotonic() - begun < 3


def test_a_server_that_says_half_a_word_now_and_then_is_not_waited_for(pki):
    """Of TLS: the header of a long record, then byte by byte."""
    with open(pki.path("ca.crt"), "rb") as file:
        there = Discovery("", base64.b64encode(file.read()).decode())
    over = threading.Event()

    def drip() -> None:
        with mute.accept()[0] as line, contextlib.suppress(OSError):
            line.sendall(b"\x16\x03\x03\x40\x00")
            while not over.wait(0.05):
                line.sendall(b"\x02")

    begun = time.monotonic()
    with socket.create_server(("127.0.0.1", 0)) as mute:
        server = threading.Thread(target=drip)
        server.start()
        try:
            url = f"https://127.0.0.1:{mute.getsockname()[1]}"
            with pytest.raises(Unreachable, match=f"the API server at {url} cannot be reached: .*timed out"):
                prove(there.at(url), 0.5)
            assert time.monotonic() - begun < 3
        finally:
            over.set()
            server.join()


@pytest.mark.parametrize("cluster", [{"certificate-authority": "PATH"}, {"certificate-authority-data": ["x"]}])
def test_whoever_is_not_known_yet_names_no_file_of_ours(api, path, cluster):
    write(path, "secret")
    told = json.dumps({"clusters": [{"name": "", "cluster": cluster}]}).replace("PATH", path)
    api.public[CLUSTER_INFO] = {"data": {"kubeconfig": told}}
    with pytest.raises(Unreachable, match="does not tell its authority"):
        authority_of(api.url, 5)


@pytest.mark.parametrize("scheme", ["https", "http"])
def test_whoever_is_not_known_yet_sends_us_nowhere(api, pki, scheme):
    """What is told there is what is believed from then on."""
    with ApiServer(pki) as elsewhere:
        with open(pki.path("ca.crt"), "rb") as file:
            authority = base64.b64encode(file.read()).decode()
        cluster = {"server": "https://x", "certificate-authority-data": authority}
        told = {"data": {"kubeconfig": json.dumps({"clusters": [{"name": "", "cluster": cluster}]})}}
        elsewhere.public[CLUSTER_INFO] = told
        assert authority_of(elsewhere.url, 5) == authority
        elsewhere.calls.clear()
        there = f"{scheme}://127.0.0.1:{elsewhere.port}{CLUSTER_INFO}"
        api.failure = Failure(status=302, headers={"Location": there})
        with pytest.raises(Unreachable, match="does not tell its authority"):
            authority_of(api.url, 5)
        assert dict(elsewhere.calls) == {}


@pytest.mark.parametrize("authority", ["%%", "\u00e9"])
def test_an_authority_that_is_no_base64(api, authority):
    told = json.dumps({"clusters": [{"name": "", "cluster": {"certificate-authority-data": authority}}]})
    api.public[CLUSTER_INFO] = {"data": {"kubeconfig": told}}
    said = (
        f"^what the API server at {api.url} says of its authority cannot be used: its certificate-authority-data is no"
    )
    with pytest.raises(Unreachable, match=said) as caught:
        authority_of(api.url, 5)
    assert caught.value.resolution.startswith("curl ")


@pytest.mark.parametrize(
    ("row", "url"),
    [
        ({"ip": "10.0.0.1"}, "https://10.0.0.1:6443"),
        ({"ip": "2001:db8::10", "port": "7443"}, "https://[2001:db8::10]:7443"),
        ({"ip": "fe80::1%eth0"}, "https://[fe80::1%25eth0]:6443"),
        ({"ip": "Kube.example.com"}, "https://Kube.example.com:6443"),
        *(({"ip": ip}, "") for ip in ("", "-o", "a b", "10.0.0.1/x", "10.0.0.1:1", "fe80::1%", "x@y")),
        ({"ip": "10.0.0.1", "port": "x"}, ""),
    ],
)
def test_the_url_of_a_row(row, url):
    assert kube_server.url(row) == url
