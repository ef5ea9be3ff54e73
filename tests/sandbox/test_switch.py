"""The sandbox switch is what it says: real parts that work, and nothing left of them afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox import features, images
from sandbox.engine import PREFIX, Engine, sweep
from sandbox.kube.process import Process
from sandbox.processes import SandboxError
from sandbox.switch import Switch
from tests.support.switch import CONFIG_DB, RESTART_SEC, Witness, missing_part, processes_of, remains, wait_until

SHARED = ("/etc/docker", "/opt/containerd", "/run/containerd", "/run/docker", "/run/redis", "/run/netns")


def test_systemd_is_running_without_a_failed_unit(switch: Switch) -> None:
    assert switch.exec(["systemctl", "is-system-running"]).stdout == "running\n"
    assert switch.exec(["systemctl", "--failed", "--plain", "--no-legend"]).stdout == ""


@pytest.mark.parametrize("name", features.UNITS)
def test_unit_active_and_container_running(witness: Witness, name: str) -> None:
    assert witness.unit(name)["ActiveState"] == "active"
    assert witness.runs(name)


def test_snmpd_answers_a_real_client(switch: Switch) -> None:
    assert switch.snmp_get(timeout=2) == '"sonic"'


def test_lldpd_answers_lldpcli(switch: Switch) -> None:
    shown = switch.exec(["docker", "exec", "lldp", "lldpcli", "-f", "keyvalue", "show", "chassis"])
    assert "local-chassis.chassis.name=lldp" in shown.stdout.splitlines(), shown


def test_lldp_runs_as_a_member_of_the_docker_and_redis_groups(switch: Switch) -> None:
    main = switch.exec(["systemctl", "show", "--property=MainPID", "--value", "lldp.service"]).stdout.strip()
    status = switch.exec(["cat", f"/proc/{main}/status"]).stdout.splitlines()
    fields = {line.partition(":")[0]: line.partition(":")[2].split() for line in status}
    admin, docker, redis = (
        switch.exec(["id", "-u", "admin"]).stdout.strip(),
        *(switch.exec(["getent", "group", name]).stdout.split(":")[2] for name in ("docker", "redis")),
    )
    assert set(fields["Uid"]) == {admin}
    assert {docker, redis} <= set(fields["Groups"])


def test_config_db_has_the_rows_of_an_image_built_with_kubernetes(witness: Witness) -> None:
    for name, row in features.config_db()["FEATURE"].items():
        assert witness.row(CONFIG_DB, f"FEATURE|{name}") == row
    assert witness.row(CONFIG_DB, "FEATURE|snmp")["set_owner"] == "local"


def test_the_other_profile_has_no_set_owner() -> None:
    rows = features.config_db("legacy-only")["FEATURE"]
    assert rows
    assert not [name for name, row in rows.items() if "set_owner" in row]


def test_redis_notifies_and_its_socket_belongs_to_its_group(switch: Switch) -> None:
    socket = "/var/run/redis/redis.sock"
    asked = switch.exec(["redis-cli", "-s", socket, "CONFIG", "GET", "notify-keyspace-events"], user="admin")
    assert sorted(asked.stdout.split()[1]) == sorted("AKE")
    assert switch.exec(["stat", "-c", "%U:%G %a", socket]).stdout == "root:redis 770\n"


def test_the_database_starts_before_redis_answers(switch: Switch, witness: Witness) -> None:
    """`container start database` runs while there is no Redis: it is what starts it."""
    assert switch.exec(["systemctl", "stop", "lldp", "snmp", "bgp", "swss", "database"]).returncode == 0
    assert not witness.runs("database")
    started = switch.exec(["systemctl", "start", "database", "swss", "bgp"])
    assert started.returncode == 0, started.stderr
    started = switch.exec(["systemctl", "start", "lldp", "snmp"])
    assert started.returncode == 0, started.stderr
    wait_until("snmpd", switch.snmp_get)
    assert witness.row(CONFIG_DB, "FEATURE|database")["state"] == "always_enabled"


def test_a_critical_process_that_dies_takes_its_container_with_it(switch: Switch, witness: Witness) -> None:
    restarts = int(witness.unit("snmp")["NRestarts"])
    pid = switch.docker("exec", "snmp", "pidof", "snmpd")
    switch.docker("exec", "snmp", "kill", "-9", pid)
    wait_until("a restart by systemd", lambda: int(witness.unit("snmp")["NRestarts"]) == restarts + 1, RESTART_SEC + 20)
    wait_until("snmpd", switch.snmp_get)
    switch.exec(["systemctl", "reset-failed", "snmp"])


def test_without_redis_a_feature_starts_ungated(switch: Switch) -> None:
    """Rule f, in a real image: no Redis socket in the container, and the process runs all the same."""
    switch.docker(
        "run", "-d", "--name", "ungated", "--net", "none", "-e", "RUNTIME_OWNER=kube", images.feature_image("snmp")
    )
    try:
        wait_until("snmpd", lambda: "snmpd: started" in switch.docker("logs", "ungated"))
        assert "frozen" not in switch.docker("logs", "ungated")
    finally:
        switch.docker("rm", "-f", "ungated")


def test_a_container_is_a_shell_first_that_heeds_no_signal(switch: Switch) -> None:
    """As in real images, where it renders supervisord's configuration: no gate, nothing of the feature's."""
    options = ["--net", "none", "-e", "SANDBOX_START_SECONDS=1000"]
    switch.docker("run", "-d", "--name", "slow", *options, images.feature_image("snmp"))
    try:
        shown = switch.docker("top", "slow", "-eo", "pid,args").splitlines()[1:]
        assert [line.split()[2] for line in shown] == ["/usr/bin/init.sh", "1000"]
        switch.docker("stop", "-t", "1", "slow")
        assert switch.docker("inspect", "-f", "{{.State.ExitCode}}", "slow").strip() == "137"
    finally:
        switch.docker("rm", "-f", "slow")


def test_the_images_start_as_slowly_as_the_setting_says(switch: Switch) -> None:
    for name in ("snmp", "lldp", "swss"):
        shown = switch.docker("inspect", "-f", "{{.Config.Env}}", images.feature_image(name))
        assert f"SANDBOX_START_SECONDS={images.start_seconds():g}" in shown.strip("[]\n").split()


@pytest.mark.parametrize(("setting", "seconds"), [(None, 3), ("", 3), ("0", 0), ("12.5", 12.5)])
def test_the_seconds_of_a_start(setting: str | None, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SANDBOX_START_SECONDS", raising=False)
    if setting is not None:
        monkeypatch.setenv("SANDBOX_START_SECONDS", setting)
    assert images.start_seconds() == seconds


@pytest.mark.parametrize("setting", ["-1", "soon", "nan", "inf"])
def test_no_seconds_of_a_start(setting: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SANDBOX_START_SECONDS", setting)
    with pytest.raises(SandboxError, match="SANDBOX_START_SECONDS"):
        images.start_seconds()


def test_the_engine_crashes_and_comes_back_with_its_containers(switch: Switch, witness: Witness) -> None:
    before = witness.container("snmp")
    assert before is not None
    switch.engine.stop("KILL")
    assert switch.snmp_get(timeout=2) == '"sonic"'
    switch.engine.start()
    after = witness.container("snmp")
    assert after is not None
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert switch.exec(["docker", "ps", "--quiet"], user="admin").returncode == 0


def shared_folders() -> dict[str, list[str] | None]:
    """What is in the folders that engines write to wherever their own root is; None for one that does not exist."""
    return {folder: sorted(os.listdir(folder)) if Path(folder).exists() else None for folder in SHARED}


def test_an_engine_leaves_nothing(tmp_path: Path) -> None:
    if reason := missing_part():
        pytest.skip(f"no engine: {reason}")
    before = shared_folders()
    engine = Engine()
    try:
        engine.open()
        # An image of one folder is enough for a container that is created, not run
        archive = tmp_path / "image.tar"
        subprocess.run(["tar", "-C", "/", "-cf", str(archive), "usr/bin/sleep", "lib64", "usr/lib64"], check=True)
        with archive.open("rb") as stream:
            engine.docker("import", "-", "tiny", stdin=stream)
        engine.docker("create", "--name", "left", "tiny", "/usr/bin/sleep", "60")
        assert remains(engine.base)
    finally:
        engine.close()
    assert remains(engine.base) == []
    assert shared_folders() == before


def test_a_program_that_was_stopped_is_removed_with_its_room(tmp_path: Path) -> None:
    """Who waits for it outside the room is stopped as well, and hears of no end."""
    if reason := missing_part():
        pytest.skip(f"no engine: {reason}")
    engine = Engine()
    try:
        engine.open()
        program = Process(engine.room, ["/usr/bin/sleep", "1000"], tmp_path / "log")
        program.start()
        wait_until("the program", lambda: len(processes_of(engine.base)) > 0 and stopped(program))
    finally:
        engine.close()
    assert remains(engine.base) == []


def stopped(program: Process) -> bool:
    """Stop it once it runs; whether who entered the room with it has stopped, too."""
    try:
        pid = program.pid()
        if not Path(f"/proc/{pid}/cmdline").read_text().startswith("/usr/bin/sleep"):
            return False
        program.signal("STOP")
        outside = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1]
        return Path(f"/proc/{outside}/stat").read_text().rpartition(")")[2].split()[0] == "T"
    except (SandboxError, OSError):  # it is on its way there
        return False


MAKER = """
import sys
from sandbox.engine import Engine
engine = Engine()
engine.open()
print(engine.base, flush=True)
sys.stdin.read()
"""


def test_a_killed_owner_leaves_no_process_and_the_next_one_sweeps_its_folder() -> None:
    if reason := missing_part():
        pytest.skip(f"no engine: {reason}")
    before = shared_folders()
    maker = subprocess.Popen(
        ["python3", "-c", MAKER],
        cwd=images.FOLDER.parent.parent,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert maker.stdout is not None
    base = Path(maker.stdout.readline().strip())
    assert processes_of(base)
    maker.kill()
    maker.communicate()
    wait_until("the end of its processes", lambda: not processes_of(base))
    assert base.exists()
    sweep()
    assert remains(base) == []
    assert shared_folders() == before


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("stage", ["layers", "install", "boot"])
def test_a_demo_that_is_interrupted_leaves_nothing(number: signal.Signals, code: int, stage: str) -> None:
    if reason := missing_part():
        pytest.skip(f"no sandbox switch: {reason}")
    demo = subprocess.Popen(
        [sys.executable, "-m", "sandbox.demo"],
        cwd=images.FOLDER.parent.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    assert demo.stdout is not None
    told = iter(demo.stdout.readline, "")
    assert any(line == f"sandbox: {stage}\n" for line in told)
    (base,) = [
        path.parent for path in Path("/tmp").glob(f"{PREFIX}*/owner") if path.read_text().split()[0] == str(demo.pid)
    ]
    # As a terminal does it: to the whole group of processes.
    os.killpg(demo.pid, number)
    rest = demo.communicate(timeout=60)[0]
    assert demo.returncode == code, rest
    assert remains(base) == []
    assert "make clean" in rest


def test_a_script_may_be_piped_into_the_shell(switch, capfd):
    read, write = os.pipe()
    os.write(write, b"show feature status snmp\nexit 3\n")
    os.close(write)
    stdin = os.dup(0)
    os.dup2(read, 0)
    try:
        assert switch.shell() == 3
    finally:
        os.dup2(stdin, 0)
        os.close(stdin)
        os.close(read)
    assert "snmp       enabled" in capfd.readouterr().out
