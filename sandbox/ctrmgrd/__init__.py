"""Stands in for upstream's daemon ctrmgrd on the virtual switch, where a test puts it: the standard library alone.

python -m ctrmgrd

It calls what the real one calls, systemctl, kubectl, kubeadm and docker, and is held to recordings of the real one by
tests/recordings/ctrmgrd.py. What it does not do, LEFT_OUT says.
"""

LEFT_OUT = {
    "proxies of the API server": "the address in KUBERNETES_MASTER|SERVER is the API server's own: the sandbox has one",
    "a hints file in /tmp when a join fails": "nothing reads it",
}
"""What the real one does beside this -> why not this one."""
