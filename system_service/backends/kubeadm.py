"""kubeadm of this switch: what it has left on the disk, and its two commands. The one place that runs it.

The folders are kubeadm's own; that the node's files are there is how one sees that a join has come to its end.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress

from system_service.backends import child, files
from system_service.backends.docker_json import one_line
from system_service.errors import Failed, TimedOut, Unreachable

KUBELET = "kubelet.service"
_JOINED = "etc/kubernetes/kubelet.conf"
# What kubeadm lets the kubelet in with, the discovery file's credential: removed by kubeadm, unless it was killed.
_BOOTSTRAP = "etc/kubernetes/bootstrap-kubelet.conf"
# kubeadm refuses to join where one of these is, and only a join that was cut off leaves them without the first.
_BEGUN = (_BOOTSTRAP, "etc/kubernetes/pki/ca.crt")
# As the host's own ctrmgrd has them: what the kubelet needs besides, in the image of every switch that may join.
_NETWORK = "usr/share/sonic/templates/kube_cni.10-flannel.conflist"
_NETWORKS = "etc/cni/net.d"
_MODULE, _LOADED = "br_netfilter", "proc/sys/net/bridge"
_SENTENCE = 300  # letters of what kubeadm says
_GRACE = 2.0  # seconds to tidy up, once it is told to end
# The API server is spoken to directly by all that speaks to it, whatever proxy root's environment names.
_ENVIRONMENT = {"LC_ALL": "C", "NO_PROXY": "*", "no_proxy": "*"}
_MOST = 8 << 20  # bytes of its output: what counts comes last


class Kubeadm:
    """`root` is above all the folders ("/" on a switch)."""

    def __init__(self, root: str = "/") -> None:
        self._root = root

    def installed(self) -> bool:
        import shutil

        return shutil.which("kubeadm") is not None

    @property
    def kubelet_conf(self) -> str:
        """The kubelet's own way to the cluster; it is there exactly when this switch has joined."""
        return self._path(_JOINED)

    def joined(self) -> bool:
        return os.path.exists(self.kubelet_conf)

    def begun(self) -> bool:
        """A join was cut off, and nobody has completed it."""
        return not self.joined() and any(os.path.exists(self._path(name)) for name in _BEGUN)

    def bootstrap(self) -> str:
        """The path of the credential that kubeadm should have removed, "": it has."""
        path = self._path(_BOOTSTRAP)
        return path if os.path.exists(path) else ""

    def bridges(self) -> bool:
        """The kernel filters what crosses a bridge, without which kubeadm does not join."""
        return os.path.isdir(self._path(_LOADED))

    def load_bridges(self) -> None:
        """Load the module. What fails is left to kubeadm to say: it looks for the effect."""
        with suppress(OSError):
            child.run(["modprobe", _MODULE], 10)

    def network(self) -> str:
        """The image's template of a pod network that is not in use yet, "": there is none, or pods have a network."""
        template, folder = self._path(_NETWORK), self._path(_NETWORKS)
        with suppress(OSError):
            if set(os.listdir(folder)) - set(map(os.path.basename, files.partials(self._laid))):
                return ""
        return template if os.path.exists(template) else ""

    def lay_network(self) -> None:
        """Put the template where the kubelet looks. Raises Failed, NotPermitted."""
        try:
            with open(self._path(_NETWORK), encoding="utf-8", errors="replace") as file:
                text = file.read()
        except OSError as error:
            raise Failed(f"the network of pods cannot be set up: {error}", "config kubernetes join again") from error
        files.put(self._laid, text)

    def network_laid(self) -> bool:
        return any(map(os.path.exists, self._of_network))

    def lift_network(self) -> None:
        """Take away what `lay_network` put there. Raises Failed, NotPermitted."""
        for path in self._of_network:
            files.remove(path)

    def join(self, discovery_file: str, node: str, timeout: float, check: Callable[[], None], lock: int) -> None:
        """Join as `node`; no longer than `timeout` seconds. `check` may raise, which ends kubeadm.

        `lock` is a descriptor that it gets, so that nobody calls it again while it runs, whatever becomes of us.

        Raises:
            TimedOut: it was ended; what it has begun may still come to its end (the kubelet tries on).
            Failed: kubeadm's own sentence, or it said nothing and the node's files are not there.
            Unreachable: it cannot be run.
        """
        self._run(["join", "--discovery-file", discovery_file, "--node-name", node], timeout, check, lock)
        if not self.joined():
            raise Failed(f"kubeadm join ended well, and yet there is no {self.kubelet_conf}", "journalctl -u kubelet")

    def reset(self, timeout: float, check: Callable[[], None], lock: int) -> None:
        """Take back all that a join has put on this switch. Parameters and errors as of `join`."""
        self._run(["reset", "--force"], timeout, check, lock)
        if self.joined() or self.begun():
            raise Failed("kubeadm reset ended well, and yet left its files in /etc/kubernetes", "kubeadm reset")

    def _run(self, words: list[str], timeout: float, check: Callable[[], None], lock: int) -> None:
        what = f"kubeadm {words[0]}"
        try:
            ended = child.run(
                ["kubeadm", *words], timeout, env=_ENVIRONMENT, limit=_MOST, check=check, grace=_GRACE, keep=lock
            )
        except OSError as error:
            raise Unreachable(f"kubeadm cannot be run: {error.strerror}", "is it in PATH, and executable?") from error
        if ended.code is None:
            raise TimedOut(
                f"{what} had not ended after {timeout:.0f} s, and was ended",
                "journalctl -u kubelet; the same command again completes it",
            )
        if ended.code != 0:
            raise Failed(f"{what} failed: {_sentence(ended)}", "journalctl -u kubelet; then the same command again")

    @property
    def _laid(self) -> str:
        return os.path.join(self._path(_NETWORKS), os.path.basename(_NETWORK))

    @property
    def _of_network(self) -> tuple[str, ...]:
        return self._laid, *files.partials(self._laid)

    def _path(self, name: str) -> str:
        return os.path.join(self._root, name)


def _sentence(ended: child.Ended) -> str:
    """What kubeadm says of its failure: the lines that it marks as errors, else its last one."""
    lines = [" ".join(line.split()) for line in (ended.err or ended.out).splitlines() if line.strip()]
    marked = [line for line in lines if line.startswith("[ERROR ")]
    marked = marked or [line for line in lines if line.lower().startswith(("error", "panic:"))]
    message = "; ".join(marked or lines[-1:]) or f"exit code {ended.code}"
    return one_line(message, _SENTENCE) if len(message) <= _SENTENCE else f"{one_line(message, _SENTENCE)} ..."
