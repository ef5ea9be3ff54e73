"""What a command imports is what an operator waits for: pinned, in fresh interpreters. And importing does nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.fakes import PROGRAMS

HEAVY = {
    "_strptime",
    "asyncio",
    "dataclasses",
    "docker",
    "http.client",
    "importlib.metadata",
    "kubernetes",
    "natsort",
    "redis",
    "requests",
    "ssl",
    "subprocess",
    "urllib3",
}
ALLOWED = {"click", "hiredis"}
OURS = ("config_kube", "show_kube", "system_service")
SHOW = {
    "show_kube",
    "show_kube.cli",
    "show_kube.feature",
    "show_kube.rows",
    "system_service",
    "system_service.backends",
    "system_service.backends.dbconfig",
    "system_service.backends.switchdb",
    "system_service.errors",
    "system_service.model",
    "system_service.model.natural",
    "system_service.terminal",
    "system_service.terminal.command",
    "system_service.terminal.complete",
    "system_service.terminal.groups",
    "system_service.terminal.host",
    "system_service.terminal.options",
    "system_service.terminal.program",
    "system_service.terminal.render",
    "system_service.wire",
    "system_service.wire.resp",
}
CONFIG = {
    *(name.replace("show_kube", "config_kube") for name in SHOW if name not in ("show_kube.rows",)),
    "config_kube.row",
    "system_service.domain",
    "system_service.domain.copies",
    "system_service.domain.result",
    "system_service.terminal.hints",
} - {"system_service.model", "system_service.model.natural"}
DOCKER = {
    "system_service.model.clock",
    "system_service.backends.docker",
    "system_service.backends.docker_api",
    "system_service.backends.docker_json",
    "system_service.model.feature",
    "system_service.model.feature_row",
    "system_service.model.snapshot",
    "system_service.wire.http",
}
# What shows features as they are: all three backends, and of the domain nothing that plans or acts.
LOOK = (
    {n for n in SHOW if n.startswith("system_service")}
    | DOCKER
    | {
        "system_service.backends.child",
        "system_service.backends.ctrmgrd",
        "system_service.backends.units",
        "system_service.domain",
        "system_service.domain.status",
        "system_service.domain.status.condition",
        "system_service.domain.status.overview",
        "system_service.domain.status.noted",
        "system_service.domain.status.observe",
        "system_service.domain.status.report",
        "system_service.domain.result",
        "system_service.domain.switch",
        "system_service.domain.status.waiting_for",
        "system_service.model.kube_server",
        "system_service.model.naming",
        "system_service.model.pods",
        "system_service.model.handover_reasons",
        "system_service.model.state_row",
        "system_service.terminal.screen",
    }
) - {"system_service.terminal.host"}
SERVICE = LOOK | {"system_service.cli", "system_service.service", "system_service.service.group"}
CHECK = (
    SERVICE | {"system_service.domain.monit", "system_service.domain.monit.check", "system_service.service.check"}
) - {
    "system_service.domain.status.overview",
    "system_service.terminal.screen",
}
ALIVE = {
    "system_service.backends.files",
    "system_service.domain.status.processes",
    "system_service.domain.status.cache",
    "system_service.model.critical",
}
JSON = {"system_service.terminal.envelope"}
MODE = LOOK | {"show_kube", "show_kube.cli", "show_kube.feature", "show_kube.feature.mode"}
CONTAINER = DOCKER | {
    "system_service",
    "system_service.backends",
    "system_service.cli",
    "system_service.container",
    "system_service.container.group",
    "system_service.domain",
    "system_service.errors",
    "system_service.model",
    "system_service.terminal",
    "system_service.terminal.command",
    "system_service.terminal.complete",
    "system_service.terminal.groups",
    "system_service.terminal.program",
    "system_service.wire",
}
CONTAIN = CONTAINER | {
    "system_service.backends.ctrmgrd",
    "system_service.backends.dbconfig",
    "system_service.backends.switchdb",
    "system_service.domain.container_script",
    "system_service.model.naming",
    "system_service.model.pods",
    "system_service.model.state_row",
    "system_service.wire.resp",
}
KUBE = (
    SHOW
    | {
        "show_kube.kubernetes",
        "show_kube.kubernetes.server",
        "show_kube.kubernetes.server.group",
        "system_service.model.kube_server",
    }
) - {
    "show_kube.feature",
    "show_kube.rows",
    "system_service.model.natural",
    "system_service.terminal.host",
    "system_service.terminal.render",
}
# command -> exactly the modules of ours that it may import
PINNED = {
    "show kubernetes server config": KUBE | {"show_kube.kubernetes.server.config"},
    "show kubernetes server status": KUBE | {"show_kube.kubernetes.server.status"},
    "show kubernetes labels": KUBE - {"show_kube.kubernetes.server", "show_kube.kubernetes.server.group"}
    | {"show_kube.kubernetes.labels", "system_service.model.state_row", "system_service.terminal.render"},
    "show feature status": SHOW | {"show_kube.feature.status"},
    "show feature status snmp": SHOW | {"show_kube.feature.status"},
    "show feature config": SHOW | {"show_kube.feature.config"},
    "show feature autorestart": SHOW | {"show_kube.feature.autorestart"},
    "config feature owner snmp kube": CONFIG | {"config_kube.feature.owner"},
    "config feature fallback snmp off": CONFIG | {"config_kube.feature.fallback"},
    "config feature state snmp disabled": CONFIG | {"config_kube.feature.state"},
    "config feature autorestart snmp disabled": CONFIG | {"config_kube.feature.autorestart"},
    "show feature mode": MODE,
    "show feature mode snmp --json": MODE | JSON,
    "system service status": SERVICE | {"system_service.service.status"},
    "system service status snmp --json": SERVICE | {"system_service.service.status"} | JSON,
    "system service list": SERVICE | {"system_service.service.list"},
    "system service check": CHECK,
    "system service check snmp --processes --json": CHECK | ALIVE | JSON,
    "system container id snmp": CONTAINER
    | {
        "system_service.container.id",
        "system_service.domain.status",
        "system_service.domain.status.locate",
        "system_service.model.pods",
    }
    | {"system_service.terminal.options"},
    "system container start snmp": CONTAIN | {"system_service.container.start", "system_service.terminal.options"},
    "system container stop snmp": CONTAIN | {"system_service.container.stop"},
}
# What is imported on every invocation of the host's `show` and `config`, Python's own included; click is there anyway.
PLUGIN = {
    "show": {"show_kube", "show_kube.cli"},
    "config": {"config_kube", "config_kube.cli"},
}
PLUGINS = {
    "system_service",
    "system_service.terminal",
    "system_service.terminal.groups",
    "system_service.terminal.plugin",
    "system_service.terminal.program",
}
REGISTER = """
import sys, json, click
host = click.Group("host")
for name in ("feature", "kubernetes"):
    host.add_command(click.Group(name))
from importlib.machinery import SourceFileLoader
before = set(sys.modules)
SourceFileLoader("plugin", sys.argv[1]).load_module().register(host)
registered = set(sys.modules) - before - {"plugin"}
listed = " ".join(group.get_help(click.Context(group)) for group in host.commands.values())
ours = {name for name in sys.modules if name.partition(".")[0] in ("config_kube", "show_kube", "system_service")}
print(json.dumps([sorted(registered), sorted(ours), listed]))
"""

RUN = """
import sys
before = set(sys.modules)
from {module}.cli import main
sys.argv = sys.argv[1:]
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended.code
import json
print(json.dumps(sorted(set(sys.modules) - before)), file=sys.stderr)
"""
IMPORT_ALL = """
import sys
done = []
def watch(event, args):
    writing = event == "open" and isinstance(args[2], int) and args[2] & 3
    if writing or event.partition(".")[0] in ("socket", "subprocess") or event in ("os.exec", "os.fork", "os.system"):
        done.append((event, repr(args)))
import pkgutil, importlib, json
names = []
for package in ("config_kube", "show_kube", "system_service"):
    found = importlib.import_module(package)
    names += [m.name for m in pkgutil.walk_packages(found.__path__, package + ".") if not m.name.endswith("__main__")]
sys.addaudithook(watch)
for name in names:
    importlib.import_module(name)
print(json.dumps([names, done]))
"""


def python(code: str, *argv: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        # -B: a cache file that Python writes would be taken for ours.
        [sys.executable, "-B", "-c", code, *argv],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


@pytest.mark.parametrize("command", PINNED)
def test_import_set_of_a_command(fakes, command):
    fakes.feature("snmp").processes = [["100", "/usr/bin/supervisord"]]
    program, *words = command.split()
    environment = {"SYSTEM_SERVICE_DB_CONFIG": fakes.config, "DOCKER_HOST": f"unix://{fakes.docker.address}"}
    ran = python(RUN.format(module=PROGRAMS[program]), program, *words, **environment)
    assert ran.returncode == 0, ran.stderr
    imported = set(json.loads(ran.stderr))
    assert imported & HEAVY == set()
    foreign = {n.partition(".")[0] for n in imported} - sys.stdlib_module_names - {*OURS}
    assert foreign <= ALLOWED
    assert {name for name in imported if name.partition(".")[0] in OURS} == PINNED[command]


@pytest.mark.parametrize("program", PLUGIN)
def test_import_set_of_a_plugin(program):
    """Registered, and listed with all commands of ours, none of which is imported."""
    plugin = Path(__file__).parents[2] / f"{program}_kube" / "plugin" / "sonic_system_service.py"
    ran = python(REGISTER, str(plugin))
    assert ran.returncode == 0, ran.stderr
    registered, ours, listed = json.loads(ran.stdout)
    assert set(registered) == PLUGIN[program] | PLUGINS | {"gc"}  # which is built in
    assert set(ours) == PLUGIN[program] | PLUGINS
    assert "mode" in listed


CHANGES = ("config feature mode snmp legacy", "system service restart snmp", "system service stop snmp")


@pytest.mark.parametrize("command", [*CHANGES, "system service sync"])
def test_a_change_in_legacy_mode_knows_no_kubernetes(fakes, command):
    fakes.feature("snmp")
    program, *words = command.split()
    ran = python(RUN.format(module=PROGRAMS[program]), program, *words, **fakes.environment)
    assert ran.returncode == 0, ran.stderr
    imported = set(json.loads(ran.stderr.splitlines()[-1]))
    assert imported & {"kubernetes", "ssl", "urllib3", "requests"} == set()
    assert not any(name.startswith("system_service.handover.") for name in imported)


def test_importing_every_module_does_nothing():
    ran = python(IMPORT_ALL)
    assert ran.returncode == 0, ran.stderr
    names, done = json.loads(ran.stdout)
    assert len(names) > 30
    # socket.py itself creates no socket on import; anything seen here is ours.
    assert done == []


def test_the_watch_on_imports_sees_what_it_is_for(tmp_path):
    code = IMPORT_ALL.replace(
        "for name in names:", f"open({str(tmp_path / 'x')!r}, 'w'); import socket; socket.socket()\nfor name in ():"
    )
    _, done = json.loads(python(code).stdout)
    assert [event for event, _ in done] == ["open", "socket.__new__"]
