"""`config kubernetes join` and `reset`, as they are shown; what they do is in tests/domain."""

from __future__ import annotations

import json
import os

import pytest

from config_kube.cli import cli
from system_service.domain.switch import Switch
from tests.support.json_schema import check
from tests.support.kubeadm import Station


@pytest.fixture
def typed(fakes, api, pki, monkeypatch, capsys):
    """Type words on a switch that may join; the command runs in this process, where systemd can be a fake."""
    station = Station(fakes, api, pki)
    for name in ("SYSTEM_SERVICE_DB_CONFIG", "SYSTEM_SERVICE_RUN_DIR", "DOCKER_HOST"):
        monkeypatch.setenv(name, fakes.environment[name])
    monkeypatch.setenv("PATH", fakes.bin, prepend=os.pathsep)
    monkeypatch.setenv("KUBECONFIG", station.kubeconfig)
    monkeypatch.setenv("SYSTEM_SERVICE_NODE_NAME", "leaf")
    monkeypatch.setattr(Switch, "from_env", station.switch)

    def run(words: str):
        with pytest.raises(SystemExit) as ended:
            cli.main(["kubernetes", *words.split()], prog_name="config-kube")
        return ended.value.code, *capsys.readouterr()

    run.station = station
    return run


def test_in_and_out(typed):
    url = typed.station.api.url
    assert typed("join --dry-run") == (0, f"leaf: enable kubelet.service\nleaf: join {url} as leaf\n", "")
    assert typed(f"join --discovery-file {typed.station.discovery}") == (0, f"leaf: has joined {url}\n", "")
    assert typed("join") == (0, f"leaf: has joined {url} (unchanged)\n", "")
    assert typed("join --dry-run") == (0, "leaf: nothing to do\n", "")
    assert typed("reset") == (0, "leaf: is in no cluster\n", "")
    assert typed("reset") == (0, "leaf: is in no cluster (unchanged)\n", "")


def test_json(typed):
    code, out, err = typed("join --dry-run --json")
    shown = json.loads(out)
    check(shown)
    assert (code, err, shown["command"], shown["changed"], shown["dry_run"], shown["features"]) == (
        *(0, "", "config kubernetes join", True, True, []),
    )
    assert shown["node"] == {
        **{"name": "leaf", "joined": False, "server": typed.station.api.url, "warnings": []},
        "plan": ["enable kubelet.service", f"join {typed.station.api.url} as leaf"],
    }
    for words, joined in (("join --json", True), ("reset --json", False)):
        shown = json.loads(typed(words)[1])
        check(shown)
        assert (shown["changed"], shown["error"], shown["node"]["joined"]) == (True, None, joined)


def test_warnings_and_failures_are_on_stderr(typed):
    typed.station.mood("speaks-binary")
    path = typed.station.kubeconfig
    os.chmod(path, 0o644)
    code, out, err = typed("join")
    assert (code, out) == (1, "")
    assert err.splitlines() == [
        f"Warning: {path} may be read by others than its owner: chmod 600 {path}",
        r"Error: kubeadm join failed: error execution phase preflight: \xff\xfe\x1b[31mno",
        "Try: journalctl -u kubelet; then the same command again",
    ]


def test_without_kubeadm_it_says_what_is_missing(fakes):
    fakes.feature("snmp")
    fakes.put("CONFIG_DB", "KUBERNETES_MASTER|SERVER", {"ip": "10.0.0.1"})
    for words in (("join",), ("join", "--dry-run"), ("reset",)):
        ran = fakes.run("config", "kubernetes", *words, PATH=fakes.bin)
        assert ran == (
            5,
            "",
            "Error: kubeadm is not installed: this image was built without Kubernetes\n"
            "Try: use an image built with it; legacy mode needs none\n",
        )


def test_no_secret_can_be_given_on_the_command_line(fakes):
    ran = fakes.run("config", "kubernetes", "join", "--token", "abcdef.0123456789abcdef")
    assert (ran.code, ran.out) == (2, "")
    assert "No such option" in ran.err
    assert "abcdef" not in ran.err
