"""`make demo`: an operator's hour on the sandbox switch, in under three minutes. `--shell`: a shell on it instead.

Every line after a prompt is a real command with its real output and exit code; what happens elsewhere is told in the
narrator's words. The demo fails when an exit code, or what the SNMP client sees, is not what the story says.
"""

from __future__ import annotations

import json
import shlex
import signal
import sys
import time

from sandbox import cache, images
from sandbox.kube import binaries
from sandbox.kube.registry import ADDRESS
from sandbox.poller import Poller
from sandbox.processes import SandboxError, wait_until
from sandbox.switch import Switch

V1, V2 = images.PUBLISHED
RESTART_SEC = 3  # seconds; the units of a switch say 30
LATE = 1.0  # seconds; a busy machine answers late, a change of hands takes longer


class Story:
    """Tells and checks, step by step."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    def tell(self, text: str) -> None:
        """A line of the narrator's."""
        print(f"\n# {text}", flush=True)

    def type(self, line: str, expect: int = 0) -> None:
        """Run a command line on the switch and show it. SandboxError when its exit code is not `expect`."""
        print(f"root@sonic:~# {line}", flush=True)
        done = self.switch.exec(shlex.split(line), timeout=90)
        print(done.stdout + done.stderr, end="")
        print(f"[exit {done.returncode}]", flush=True)
        if done.returncode != expect:
            raise SandboxError(f"{line}: exit {done.returncode}, but the story says {expect}")

    def await_version(self, version: str, timeout: float = 90) -> None:
        """Wait until the pod that runs snmp has this version."""
        row = ["redis-cli", "-s", "/var/run/redis/redis.sock", "-n", "6", "HMGET", "FEATURE|snmp"]

        def there() -> bool:
            shown = self.switch.exec([*row, "container_version", "remote_state"]).stdout.split()
            return shown == [version, "running"]

        wait_until(f"version {version}", there, timeout=timeout, pause=0.3)
        print(f"snmp: {version} runs", flush=True)

    def await_no_pod(self) -> None:
        """Wait until snmp's pod has gone: one that is still at its gate would take over when it is asked for again."""
        cluster = self.switch.cluster
        label = ("--filter", "label=io.kubernetes.container.name=snmp")

        def gone() -> bool:
            return not self.switch.docker("ps", "--quiet", *label) and not (cluster and cluster.pods("snmp"))

        wait_until("the end of snmp's pod", gone, timeout=120, pause=0.3)
        print("snmp: its pod has gone from the switch and from the cluster", flush=True)

    def poll(self, answers: bool, timeout: float = 15) -> float:
        """Ask snmpd until it answers, or is silent; the seconds that took. SandboxError after `timeout` seconds."""
        begun = time.monotonic()
        seen: str | None = None

        def as_told() -> bool:
            nonlocal seen
            seen = self.switch.snmp_get()
            return (seen is not None) == answers

        wait_until("snmpd's answer" if answers else "snmpd's silence", as_told, timeout=timeout)
        print(f"snmpget -v2c -c public 127.0.0.1 sysName.0  ->  {seen or 'no answer'}", flush=True)
        return time.monotonic() - begun


def tell(story: Story) -> None:
    """The story itself."""
    switch = story.switch
    story.tell("What is on this switch, and does it run?")
    story.type("system service list")
    story.type("system service status snmp")
    story.poll(answers=True)

    story.tell("Stop and start go through systemd; an SNMP client sees both.")
    story.type("system service stop snmp")
    story.poll(answers=False)
    story.type("system service status snmp", expect=3)
    story.type("system service start snmp")
    story.poll(answers=True)

    story.tell(
        f"The container crashes; systemd restarts the unit by its own rule (RestartSec={RESTART_SEC}, on a switch 30)."
    )
    pid = switch.docker("inspect", "--format", "{{.State.Pid}}", "snmp")
    print(f"kill -9 {pid}   (the container's first process, from outside)")
    switch.engine.room.run(["kill", "-9", pid])
    story.poll(answers=False)
    silent = story.poll(answers=True, timeout=RESTART_SEC + 20)
    print(f"back after {silent:.1f} s")
    story.type("systemctl show --property=NRestarts,ActiveState snmp.service")

    story.tell("Disabled means off until enabled, for systemd as well.")
    story.type("system service disable snmp")
    story.poll(answers=False)
    story.type("system service start snmp", expect=5)
    story.type("systemctl is-enabled snmp.service", expect=1)
    story.type("system service enable snmp")
    story.poll(answers=True)

    story.tell("Moving a feature to Kubernetes is refused where its image cannot hand over.")
    story.type("config feature mode bgp kubernetes", expect=5)

    story.tell("The host's own table is what it always was.")
    story.type("show feature status")
    story.type("system service status")


def tell_of_kubernetes(story: Story) -> None:
    """The second half: a real cluster, and an SNMP client that asks ten times a second all the while."""
    switch = story.switch
    cluster = switch.join()
    story.tell(
        "The switch joins a Kubernetes, which has newer images of snmp. Its manifest is made from the switch's own."
    )
    ip = ["redis-cli", "-s", "/var/run/redis/redis.sock", "-n", "4", "HSET", "KUBERNETES_MASTER|SERVER"]
    switch.exec([*ip, "ip", "127.0.0.1", "port", "6443", "disable", "False", "insecure", "False"])
    with Poller(switch.engine) as client:
        deploy(story, images.published("snmp", V1))
        audience = Audience(client)
        story.type("config feature mode snmp kubernetes --timeout 60")
        audience.report()
        story.type("show feature mode snmp")

        story.tell(f"The cluster rolls out {V2}: it ends the old pod, brings a new one, and the gate opens by itself.")
        deploy(story, images.published("snmp", V2))
        story.await_version(V2)
        audience.report()

        story.tell("Home again.")
        story.type("config feature mode snmp legacy")
        audience.report()

        story.tell("An image that does not exist: the local one serves, and says why.")
        story.await_no_pod()
        deploy(story, "docker-snmp:never")
        story.type("config feature mode snmp kubernetes --timeout 12", expect=6)
        story.type("show feature mode snmp")
        audience.report(unbroken=True)

        story.tell("The manifest is put right: the pod comes, and takes over by itself.")
        deploy(story, images.published("snmp", V1))
        story.await_version(V1)
        story.type("show feature mode snmp")
        audience.report()

        story.tell("The API server dies. What runs goes on running.")
        cluster.kill("kube-apiserver")
        time.sleep(3)  # of an audience watching that nothing happens
        story.type("system service status snmp")
        audience.report(unbroken=True)

        story.tell("And it comes home all the same; the node's label will follow when there is somebody to tell.")
        story.type("config feature mode snmp legacy")
        story.type("show feature mode snmp")
        audience.report()


def deploy(story: Story, image: str) -> None:
    """Give the cluster the DaemonSet that the switch prints, with this image of its registry."""
    line = f"show kubernetes manifest snmp --image {ADDRESS}/{image}"
    print(f"# What `{line}` prints goes to the cluster, as kubectl apply would do it.", flush=True)
    manifest = story.switch.exec(shlex.split(line))
    if manifest.returncode or story.switch.cluster is None:
        raise SandboxError(f"{line}: {manifest.stderr}")
    story.switch.cluster.apply(json.loads(manifest.stdout))


class Audience:
    """An SNMP client's view, scene after scene: each begins where the one before ended, so none is forgotten."""

    def __init__(self, client: Poller) -> None:
        self._client = client
        client.steady()
        self._mark = client.mark()

    def report(self, unbroken: bool = False) -> None:
        """Wait until snmpd answers steadily, then print what was lost since the last report.

        SandboxError when nobody answers any more, or for longer than a late answer takes where `unbroken` is the story.
        """
        self._client.steady()
        begin, self._mark = self._mark, self._client.mark()
        seen = self._client.record(begin, self._mark)
        lost, silence = seen.lost(), seen.silence()
        print(
            f"SNMP client: {seen.asked()} questions, {lost} without an answer; longest silence {silence:.1f} s",
            flush=True,
        )
        if unbroken and silence > LATE:
            raise SandboxError(f"snmpd was silent for {silence:.1f} s, but the story says it never was")


def say(stage: str) -> None:
    """Print a stage as one piece: stages begin in several threads."""
    sys.stdout.write(f"sandbox: {stage}\n")
    sys.stdout.flush()


def main() -> int:
    """Exit code: 0 when the story was told to its end, 1 when something was not as it says.

    Of a script that is piped into `--shell`: its own.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    begun = time.monotonic()
    shell = "--shell" in sys.argv[1:]
    try:
        with Switch(restart_sec=RESTART_SEC, say=say) as switch:
            took = ", ".join(f"{stage} {seconds:.1f}" for stage, seconds in switch.durations.items())
            print(f"sandbox: up after {time.monotonic() - begun:.0f} s ({took})")
            print(
                "Real: Docker, systemd, Redis, snmpd, lldpd, the SNMP client. Sleeping stand-ins: swss, bgp, restapi."
            )
            if shell:
                print("A shell on the switch: show, config, system, systemctl, docker, snmpget. `exit` removes it all.")
                code = switch.shell()
                # At a terminal it is that of whatever was typed last.
                return 0 if sys.stdin.isatty() else code
            else:
                tell(Story(switch))
                if reason := binaries.missing():
                    print(f"\n# The rest needs a cluster. {reason}")
                else:
                    tell_of_kubernetes(Story(switch))
    except KeyboardInterrupt:
        return 130
    except SandboxError as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    finally:
        print(f"sandbox: all removed after {time.monotonic() - begun:.0f} s. What remains: the Debian packages of")
        print(f"sandbox/setup.sh, whose daemons were not started, and {cache.folder()}, which `make clean` removes.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
