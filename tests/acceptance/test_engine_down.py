"""dockerd crashes: what ran runs on, who waits waits on, and a command says what it cannot know."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence

from sandbox import features
from tests.acceptance.console import Console
from tests.support.switch import RESTART_SEC, wait_until


def test_dockerd_killed_and_started_again(console: Console) -> None:
    engine = console.switch.engine
    processes = {name: console.unit(name, "MainPID", "NRestarts") for name in features.UNITS}
    lives = {name: console.life(name) for name in features.IMAGES}
    inside = ["nsenter", "--all", "--target", console.first_process("switch"), "env", "-i"]
    inside += ["PATH=/usr/local/bin:/usr/bin:/bin", "LC_ALL=C.UTF-8"]

    def type_without_engine(words: Sequence[str]) -> subprocess.CompletedProcess[str]:
        # `docker exec` needs the engine as well; a console port does not.
        command = engine.room.argv([*inside, *words])
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    engine.stop("KILL")
    try:
        console.answers()
        down = type_without_engine(["system", "service", "status"])
        assert (down.returncode, down.stdout) == (7, "")
        assert down.stderr.startswith("Error: Docker at /var/run/docker.sock cannot be reached")
        assert "\nTry: " in down.stderr
        told = json.loads(type_without_engine(["system", "service", "status", "--json"]).stdout)
        assert (told["error"]["kind"], told["error"]["exit_code"]) == ("unreachable", 7)
        rows = features.config_db()["FEATURE"]
        assert {f["name"]: f["state"] for f in told["features"]} == {name: row["state"] for name, row in rows.items()}
        assert not any("status" in f for f in told["features"])  # nothing was seen, and nothing is made up
        for words in (["container", "start", "snmp"], ["container", "stop", "snmp"], ["service", "stop", "snmp"]):
            refused = type_without_engine(["system", *words])
            assert refused.returncode == 7, refused
            assert "Traceback" not in refused.stderr
            assert len(refused.stderr.splitlines()) == 2, refused.stderr
        assert type_without_engine(["show", "feature", "status"]).returncode == 0
        assert type_without_engine(["systemctl", "is-active", "snmp"]).stdout == "active\n"
    finally:
        engine.start()

    console.type("system service status")
    assert {name: console.life(name) for name in features.IMAGES} == lives
    assert {name: console.unit(name, "MainPID", "NRestarts") for name in features.UNITS} == processes
    # They wait in earnest: the next crash is noticed.
    console.strike("KILL", "snmp")
    wait_until("systemd's restart", lambda: console.unit("snmp", "NRestarts") == ["1"], RESTART_SEC + 20)
    console.answers()
    console.type("system service wait snmp --for running")
