"""Joining by a recorded kubeadm: what it is handed, what is refused, what is left when it goes wrong."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from system_service.domain.cluster.join import join
from system_service.domain.cluster.leave import leave
from system_service.domain.command_lock import command_lock
from system_service.domain.result import NodeReport
from system_service.errors import Busy, NotPermitted, Refused, Unreachable

READY = ("active", "enabled")
OFF = ("inactive", "disabled")


def joined(station, **order):
    return join(station.switch(), station.order(**order), station.discovery)


def test_what_kubeadm_is_handed(station):
    result = joined(station)
    assert (result.error, result.changed) == (None, True)
    server = f"https://127.0.0.1:{station.api.port}"
    assert result.node == NodeReport("leaf-12.example.com", True, server, ())
    (call,) = station.calls()
    path = call["file"]["path"]
    assert call["argv"] == ["join", "--discovery-file", path, "--node-name", "leaf-12.example.com"]
    assert (call["file"]["mode"], call["input"], call["env"]["LC_ALL"]) == (0o600, "/dev/null", "C")
    given = json.loads(station.pki.kubeconfig("admin", server))
    handed = json.loads(call["file"]["text"])
    assert (handed["clusters"][0]["cluster"], handed["users"][0]["user"]) == (
        given["clusters"][0]["cluster"],
        given["users"][0]["user"],
    )
    # The key is in that file and in no other place, and the file is on no disk.
    key = given["users"][0]["user"]["client-key-data"]
    assert key not in json.dumps({k: call[k] for k in ("argv", "env")})
    assert path.startswith(f"/proc/{os.getpid()}/fd/")
    assert not os.path.exists(path)
    assert sorted(os.listdir(station.fakes.run_dir)) == [".kubernetes.lock", "sync"]
    assert station.kubelet() == READY


def test_kubeadm_goes_through_no_proxy(station, monkeypatch):
    """As whatever else of ours speaks to the API server."""
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    joined(station)
    (call,) = station.calls()
    assert (call["env"]["NO_PROXY"], call["env"]["no_proxy"]) == ("*", "*")


def test_again_is_already_so_and_what_is_down_is_brought_up(station):
    joined(station)
    again = joined(station)
    assert (again.error, again.changed, station.verbs(), station.told) == (None, False, ["join"], [])
    station.switch().units.stop("kubelet.service", 5)
    up = joined(station)
    assert (up.error, up.changed, station.verbs(), station.told) == (None, True, ["join"], ["start kubelet.service"])
    assert station.kubelet() == READY


def test_a_dry_run_shows_the_steps_and_does_nothing(station):
    os.rmdir(os.path.join(station.root, "proc/sys/net/bridge"))
    os.makedirs(os.path.join(station.root, "usr/share/sonic/templates"))
    template = os.path.join(station.root, "usr/share/sonic/templates/kube_cni.10-flannel.conflist")
    station.write("{}", template)
    result = joined(station, dry_run=True)
    assert (result.changed, result.dry_run, result.node.joined) == (True, True, False)
    assert result.node.plan == (
        "load the kernel's bridge filter",
        f"give pods the network of {template}",
        "enable kubelet.service",
        f"join https://127.0.0.1:{station.api.port} as leaf-12.example.com",
    )
    assert (station.calls(), station.kubelet(), station.there("etc/cni")) == ([], OFF, False)
    assert not os.path.exists(station.fakes.run_dir)


def test_what_the_kubelet_needs_besides_is_there_before_it_starts(station):
    os.rmdir(os.path.join(station.root, "proc/sys/net/bridge"))
    loaded = os.path.join(station.root, "proc/sys/net/bridge")
    station.fakes.program("modprobe", ["sh", "-c", 'test "$*" = br_netfilter && mkdir "$0"', loaded])
    os.makedirs(os.path.join(station.root, "usr/share/sonic/templates"))
    name = "kube_cni.10-flannel.conflist"
    station.write('{"name": "cbr0"}', os.path.join(station.root, "usr/share/sonic/templates", name))
    assert joined(station).error is None
    assert os.path.isdir(loaded)
    with open(os.path.join(station.root, "etc/cni/net.d", name), encoding="utf-8") as file:
        assert file.read() == '{"name": "cbr0"}'
    assert joined(station).changed is False


def test_a_network_that_pods_have_is_left_alone(station):
    for folder in ("usr/share/sonic/templates", "etc/cni/net.d"):
        os.makedirs(os.path.join(station.root, folder))
    station.write("{}", os.path.join(station.root, "usr/share/sonic/templates/kube_cni.10-flannel.conflist"))
    station.write("{}", os.path.join(station.root, "etc/cni/net.d/05-own.conf"))
    joined(station)
    assert os.listdir(os.path.join(station.root, "etc/cni/net.d")) == ["05-own.conf"]


def test_a_network_that_a_kill_cut_off_is_laid_again(station, mocker):
    os.makedirs(os.path.join(station.root, "usr/share/sonic/templates"))
    name = "kube_cni.10-flannel.conflist"
    station.write("{}", os.path.join(station.root, "usr/share/sonic/templates", name))
    folder = os.path.join(station.root, "etc/cni/net.d")
    for step in ("os.fsync", "os.rename"):
        mocker.patch(step, side_effect=KeyboardInterrupt)
        with pytest.raises(KeyboardInterrupt):
            joined(station)
        mocker.stopall()
        assert name not in os.listdir(folder)
        assert joined(station, dry_run=True).node.plan[0].startswith("give pods the network of")
    leave(station.switch(), station.order("reset"))
    assert os.listdir(folder) == []
    assert joined(station).error is None
    assert os.listdir(folder) == [name]


def test_a_file_system_that_is_read_only_is_said_to_be(station, mocker):
    os.makedirs(os.path.join(station.root, "usr/share/sonic/templates"))
    station.write("{}", os.path.join(station.root, "usr/share/sonic/templates/kube_cni.10-flannel.conflist"))
    mocker.patch("os.rename", side_effect=OSError(errno.EROFS, os.strerror(errno.EROFS)))
    error = joined(station).error
    assert (error.exit_code, "conflist cannot be written: Read-only file system" in str(error)) == (1, True)
    mocker.stopall()
    assert joined(station).error is None
    mocker.patch("os.unlink", side_effect=OSError(errno.EROFS, os.strerror(errno.EROFS)))
    error = leave(station.switch(), station.order("reset")).error
    assert (error.exit_code, "conflist cannot be written: Read-only file system" in str(error)) == (1, True)


# --- the discovery file


def test_the_server_is_the_configured_one_wherever_the_file_says_it_is(station):
    station.set(ip="localhost", port=str(station.api.port))
    assert joined(station).node.server == f"https://localhost:{station.api.port}"
    (cluster,) = json.loads(station.calls()[0]["file"]["text"])["clusters"]
    assert cluster["cluster"]["server"] == f"https://localhost:{station.api.port}"
    station.set(ip="fe80::1%eth0", port="7443")
    assert joined(station, dry_run=True).error is None


def test_a_server_that_is_not_the_one_meant_never_sees_kubeadm(station):
    station.write(station.pki.kubeconfig("admin", "https://x:1", ca="admin"))
    error = joined(station).error
    assert (error.exit_code, station.calls()) == (7, [])
    assert f"the API server at https://127.0.0.1:{station.api.port} is not the one that the discovery file" in str(
        error
    )
    station.set(ip="127.0.0.1", port="1")
    error = joined(station).error
    assert (error.exit_code, str(error)) == (
        7,
        "the API server at https://127.0.0.1:1 cannot be reached: Connection refused",
    )


def test_a_token_and_a_file_that_all_may_read(station):
    station.write(station.pki.kubeconfig("admin", "https://x:1", token="abcdef.0123456789abcdef"), mode=0o644)
    result = joined(station)
    assert (result.error, result.node.warnings) == (
        None,
        (f"{station.discovery} may be read by others than its owner: chmod 600 {station.discovery}",),
    )
    assert json.loads(station.calls()[0]["file"]["text"])["users"][0]["user"] == {"token": "abcdef.0123456789abcdef"}
    assert "abcdef" not in json.dumps(station.calls()[0]["argv"])


def test_a_file_that_is_of_no_use_is_said_to_be_and_nothing_is_done(station):
    station.write(b"\xff\xfe\x00")
    with pytest.raises(Unreachable, match="it is no YAML"):
        joined(station)
    os.unlink(station.discovery)
    with pytest.raises(Unreachable, match=r"discovery\.conf cannot be used: No such file or directory"):
        joined(station)
    assert (station.calls(), station.kubelet()) == ([], OFF)


def test_without_one_it_is_the_switchs_own_kubeconfig(station):
    os.unlink(station.discovery)
    assert join(station.switch(), station.order()).error is None
    assert station.calls()[0]["file"]["text"]


# --- who is believed


def cluster_info(station) -> dict:
    inside = json.dumps(
        {
            "clusters": [
                {
                    "name": "",
                    "cluster": json.loads(station.pki.kubeconfig("admin", "https://x"))["clusters"][0]["cluster"],
                }
            ]
        }
    )
    return {"metadata": {"name": "cluster-info"}, "data": {"kubeconfig": inside}}


@pytest.fixture
def blind(station):
    """A discovery file that vouches for nobody, and a server that tells anybody its authority."""
    told = json.loads(station.pki.kubeconfig("admin", "https://x:1"))
    authority = told["clusters"][0]["cluster"].pop("certificate-authority-data")
    station.write(json.dumps(told))
    station.api.public["/api/v1/namespaces/kube-public/configmaps/cluster-info"] = cluster_info(station)
    return authority


def test_without_an_authority_nobody_is_believed(station, blind):
    with pytest.raises(Refused, match="does not say by which authority") as refused:
        joined(station)
    assert "config kubernetes server insecure on" in refused.value.resolution
    assert station.api.connections == 0


def test_insecure_believes_whoever_answers_and_says_so(station, blind):
    station.set(ip="127.0.0.1", port=str(station.api.port), insecure="True")
    shown = joined(station, dry_run=True).node.plan[-1]
    assert shown.endswith(", whoever answers there")
    result = joined(station)
    assert result.error is None
    (warning,) = result.node.warnings
    assert "was believed unverified" in warning
    assert station.pki.fingerprint("ca") in warning
    cluster = json.loads(station.calls()[0]["file"]["text"])["clusters"][0]["cluster"]
    # From here on it is verified: kubeadm is never told not to.
    assert cluster == {"server": f"https://127.0.0.1:{station.api.port}", "certificate-authority-data": blind}
    assert list(station.api.calls) == [("GET", "/api/v1/namespaces/kube-public/configmaps/cluster-info")]


def test_insecure_does_not_switch_off_what_the_file_can_verify(station):
    station.set(ip="127.0.0.1", port=str(station.api.port), insecure="True")
    result = joined(station)
    assert result.node.warnings == (
        f"insecure is on and changes nothing: {station.discovery} says who the server is, and it is verified",
    )
    assert sum(station.api.calls.values()) == 0
    assert json.loads(station.calls()[0]["file"]["text"])["clusters"][0]["cluster"]["certificate-authority-data"]


@pytest.mark.parametrize("told", [None, {"data": {"kubeconfig": "x: ["}}, {"data": {}}, {"data": 7}])
def test_a_server_that_does_not_tell_its_authority(station, blind, told):
    station.set(ip="127.0.0.1", port=str(station.api.port), insecure="True")
    if told is None:
        station.api.public.clear()
    else:
        station.api.public["/api/v1/namespaces/kube-public/configmaps/cluster-info"] = told
    error = joined(station).error
    assert error.exit_code == 7
    assert f"https://127.0.0.1:{station.api.port}" in str(error)
    assert station.verbs() == []


# --- what is refused


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({}, "no Kubernetes server is configured"),
        ({"port": "6443"}, "no Kubernetes server is configured"),
        ({"ip": "10.0.0.1", "disable": "TRUE"}, "the Kubernetes server is disabled"),
        ({"ip": "10.0.0.1/--x"}, "is no address"),
        ({"ip": "-o", "port": "6443"}, "is no address"),
        ({"ip": "10.0.0.1", "port": "x"}, "is no address"),
    ],
)
def test_without_a_server_it_is_refused(station, row, said):
    station.set(**(row or {"NULL": "NULL"}))
    with pytest.raises(Refused, match=said) as refused:
        joined(station)
    assert refused.value.resolution.startswith("config kubernetes server ")
    assert station.calls() == []


def test_without_kubeadm_it_is_refused(station, monkeypatch):
    monkeypatch.setenv("PATH", station.fakes.bin)
    station.without_kubeadm()
    for word in (False, True):
        with pytest.raises(Refused, match="kubeadm is not installed: this image was built without Kubernetes"):
            joined(station, dry_run=word)


def test_where_ctrmgrd_is_installed_it_is_the_one_that_joins(station, tmp_path, monkeypatch):
    (tmp_path / "ctrmgrd.service").write_text("[Unit]\n")
    monkeypatch.setenv("SYSTEMD_UNIT_PATH", str(tmp_path))
    with pytest.raises(Refused, match="ctrmgrd joins this switch to its cluster") as refused:
        joined(station)
    assert refused.value.resolution == "config kubernetes server ip ADDRESS"
    assert station.calls() == []


@pytest.mark.parametrize("name", ["my_switch", "-o", "a b", "x" * 254])
def test_a_host_name_that_is_no_nodes_name(station, monkeypatch, name):
    monkeypatch.setenv("SYSTEM_SERVICE_NODE_NAME", name)
    with pytest.raises(Refused, match="cannot be the name of a node"):
        joined(station)


def test_a_kubelet_that_is_masked_or_missing(station):
    station.switch().units.mask("kubelet.service")
    with pytest.raises(Refused, match="masked") as refused:
        joined(station)
    assert refused.value.resolution == "systemctl unmask kubelet.service"


def test_another_cluster_is_left_first(station):
    joined(station)
    station.set(ip="10.9.9.9")
    assert joined(station).changed is False  # another address of the same cluster: the same authority
    station.write(station.pki.kubeconfig("admin", "https://x:1", ca="admin"))
    with pytest.raises(
        Refused, match=f"has joined https://127.0.0.1:{station.api.port}, and not https://10.9.9.9:6443"
    ):
        joined(station)


@pytest.mark.parametrize("text", [b"a: [", b"{}", b"\xff\xfe\x00"])
def test_where_it_cannot_be_told_what_was_joined_nothing_is_claimed(station, text):
    joined(station)
    station.write(text, os.path.join(station.root, "etc/kubernetes/kubelet.conf"))
    for dry_run in (True, False):
        with pytest.raises(Unreachable, match=r"cannot be told: .*etc/kubernetes/kubelet\.conf cannot") as raised:
            joined(station, dry_run=dry_run)
        assert raised.value.resolution == "config kubernetes reset, then join"
    assert leave(station.switch(), station.order("reset", dry_run=True)).node.server == ""


def test_without_a_reader_of_yaml_the_extra_is_named(station, monkeypatch):
    joined(station)
    station.write("apiVersion: v1", os.path.join(station.root, "etc/kubernetes/kubelet.conf"))
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(Unreachable, match="nothing here reads YAML") as raised:
        joined(station)
    assert raised.value.resolution == "pip install kubernetes pyyaml"


def test_what_let_the_kubelet_in_does_not_stay(station):
    """kubeadm removes it at its end, and may have been killed before; the kubelet came to its own end."""
    joined(station)
    left = os.path.join(station.root, "etc/kubernetes/bootstrap-kubelet.conf")
    station.write("token: secret", left)
    told = f"remove {left}, with which kubeadm let the kubelet in"
    assert joined(station, dry_run=True).node.plan == (told,)
    assert os.path.exists(left)
    result = joined(station)
    assert (result.error, result.changed, station.told) == (None, True, [told])
    assert not os.path.exists(left)
    assert joined(station).changed is False


# --- when it goes wrong


@pytest.mark.parametrize(
    ("mood", "said", "code"),
    [
        ("is-loud", "kubeadm join failed: error execution phase preflight: after much ado", 1),
        ("speaks-binary", "kubeadm join failed: error execution phase preflight: ", 1),
        ("is-cut-off", "kubeadm join failed: error execution phase kubelet-start: timed out", 1),
        ("lies", "kubeadm join ended well, and yet there is no ", 1),
    ],
)
def test_a_kubeadm_that_fails_and_the_same_command_afterwards(station, mood, said, code):
    station.mood(mood)
    failed = joined(station)
    assert (failed.error.exit_code, failed.node.joined) == (code, False)
    assert said in str(failed.error)
    assert len(str(failed.error)) < 500
    assert failed.error.resolution
    station.mood("joins")
    assert joined(station).error is None
    # What was cut off half way is cleared first; else there is nothing to clear.
    assert station.verbs() == (["join", "reset", "join"] if mood == "is-cut-off" else ["join", "join"])
    assert station.kubelet() == READY


def test_one_that_hangs_is_ended_in_time(station):
    station.mood("hangs")
    late = joined(station, timeout=1.5)
    assert (late.error.exit_code, late.error.kind) == (6, "timeout")
    assert not os.path.exists(station.calls()[0]["file"]["path"])
    station.mood("joins")
    assert joined(station).error is None


@pytest.mark.parametrize("mood", ["tidies-up", "is-deaf"])
def test_one_that_is_ended_may_tidy_up_first(station, mood):
    station.mood(mood)
    begun = time.monotonic()
    late = joined(station, timeout=1.5)
    assert late.error.kind == "timeout"
    assert time.monotonic() - begun < 10
    assert station.there("etc/kubernetes/bootstrap-kubelet.conf") is (mood == "is-deaf")


def test_a_kubeadm_that_outlives_the_command_keeps_the_others_out(station):
    station.mood("kills-the-parent")
    code = (
        "import sys\n"
        "from system_service.backends.units import Units\n"
        "from system_service.domain.cluster.join import join\n"
        "from system_service.domain.cluster.node import Order\n"
        "from system_service.domain.switch import Switch\n"
        "switch = Switch.from_env()._replace(root=sys.argv[1], units=Units(5, sys.argv[2]))\n"
        "join(switch, Order('join', 20), sys.argv[3])\n"
    )
    argv = [sys.executable, "-c", code, station.root, station.fakes.booted, station.discovery]
    assert subprocess.run(argv, timeout=60).returncode == -signal.SIGKILL
    (call,) = station.calls()
    with open_process(call["pid"]) as orphan:
        try:
            station.mood("joins")
            for word in (
                lambda: joined(station, timeout=0.3),
                lambda: leave(station.switch(), station.order("reset", 0.3)),
            ):
                with pytest.raises(Busy, match="another command is working on kubernetes"):
                    word()
        finally:
            signal.pidfd_send_signal(orphan, signal.SIGKILL)
        assert joined(station).error is None
    assert station.verbs() == ["join", "reset", "join"]


@contextmanager
def open_process(pid):
    handle = os.pidfd_open(pid)
    try:
        yield handle
    finally:
        os.close(handle)


def test_a_signal_ends_it_and_the_file_with_it(station):
    station.mood("calls-the-parent")
    stopped = joined(station)
    assert (stopped.error.exit_code, station.verbs()) == (143, ["join"])
    assert not os.path.exists(station.calls()[0]["file"]["path"])


def test_one_command_at_a_time(station):
    with (
        command_lock(station.fakes.run_dir, ".kubernetes", 0, lambda: None),
        pytest.raises(Busy, match="working on kubernetes"),
    ):
        joined(station, timeout=0.1)
    assert station.calls() == []


def test_only_root_joins(station, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(NotPermitted, match="'config kubernetes join' needs root"):
        joined(station)
