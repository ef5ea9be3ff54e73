"""This switch's node, as kubectl shows it."""

from __future__ import annotations

from .programs import run, succeeds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from subprocess import CompletedProcess

KUBECONFIG = "/etc/sonic/kube_admin.conf"
_PATIENCE = ("--request-timeout", "20s")


class Node:
    def __init__(self, name: str) -> None:
        self.name = name

    def ready(self) -> bool:
        """Whether the API server has it, and calls it Ready."""
        words = self._kubectl("get", "nodes", self.name, "--no-headers").stdout.split()
        return words[:2] == [self.name, "Ready"]

    def label(self, wanted: Mapping[str, str]) -> bool:
        """Give it these labels; others stay. False when some could not be written.

        A changed one is removed before it is set: without it the feature's pod has to go, and another comes. The answer
        of `get` went through a pipe: one that failed looks like no labels.
        """
        lines = self._kubectl("get", "nodes", self.name, "--show-labels", "--no-headers").stdout.splitlines()
        shown = lines[0].split()[5:6] if lines else []
        has = dict(pair.partition("=")[::2] for pair in ",".join(shown).split(",") if "=" in pair)
        changed = [f"{name}-" for name, value in wanted.items() if name in has and has[name] != value]
        written = [f"{name}={value}" for name, value in wanted.items() if has.get(name) != value]
        return all(
            self._kubectl("label", "--overwrite", "nodes", self.name, *words).returncode == 0
            for words in (changed, written)
            if words
        )

    def remove(self) -> None:
        """From the cluster, if that can be reached."""
        self._kubectl(*_PATIENCE, "drain", self.name, "--ignore-daemonsets")
        self._kubectl(*_PATIENCE, "delete", "node", self.name)

    def _kubectl(self, *words: str) -> CompletedProcess[str]:
        return run("kubectl", "--kubeconfig", KUBECONFIG, *words)


def start_kubelet() -> bool:
    return succeeds("systemctl", "start", "kubelet")
