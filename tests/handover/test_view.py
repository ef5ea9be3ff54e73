"""What is told by a command line, and by nothing else: whether the gate's program runs."""

from __future__ import annotations

import pytest

from system_service.handover.view import at_gate


@pytest.mark.parametrize(
    ("line", "gate"),
    [
        ("/usr/bin/python3 /usr/bin/container_startup.py -f snmp -o kube -v 2", True),
        ("python3 -u /usr/share/sonic/scripts/container_startup.py -f snmp", True),
        ("/usr/bin/env python3 /usr/bin/container_startup.py -f snmp", True),
        ("/usr/bin/container_startup.py -f snmp", True),
        ("less /usr/bin/container_startup.py", False),
        ("grep -r container_startup.py /", False),
        ("python3 /root/my_container_startup.py", False),
        ("python3 -c print('container_startup.py')", False),
        ("vi container_startup.py", False),
        ("", False),
    ],
)
def test_the_gate_s_own_command_line_and_nobody_s_reading_of_it(line: str, gate: bool) -> None:
    assert at_gate([line]) is gate
