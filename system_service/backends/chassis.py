"""Which ASICs are there: on the supervisor card of a chassis those of the fabric cards that are inserted, else all."""

from __future__ import annotations

import os

from system_service.backends.switchdb import SwitchDB
from system_service.errors import SwitchError

MACHINE = "/host/machine.conf"
DEVICES = "/usr/share/sonic/device"
# Where chassisd notes the ASICs of fabric cards, by the names that their namespaces have.
_TABLE = "CHASSIS_FABRIC_ASIC_TABLE"
_PLATFORM = ("onie_platform", "aboot_platform")


def absent_asics(db: SwitchDB, machine: str = MACHINE) -> frozenset[str]:
    """Namespaces whose ASIC is not there. Nobody, where the chassis' database cannot be asked.

    A switch with one ASIC, and a line card, have all of theirs: no question is asked.
    """
    if not db.namespaces or not supervisor(machine):
        return frozenset()
    try:
        (rows,) = db.tables(("CHASSIS_STATE_DB", _TABLE))
    except SwitchError:  # its own container will be missed
        return frozenset()
    return frozenset(db.namespaces) - rows.keys()


def supervisor(machine: str = MACHINE) -> bool:
    """Whether this is the supervisor card of a chassis, by its platform's own settings.

    They are in $SYSTEM_SERVICE_PLATFORM_DIR, else below /usr/share/sonic/device, where `machine` says.
    """
    folder = os.environ.get("SYSTEM_SERVICE_PLATFORM_DIR", "")
    if not folder:
        known = _settings(machine)
        platform = next((known[name] for name in _PLATFORM if known.get(name)), "")
        if not platform or "/" in platform:
            return False
        folder = os.path.join(DEVICES, platform)
    return _settings(os.path.join(folder, "platform_env.conf")).get("supervisor") == "1"


def _settings(path: str) -> dict[str, str]:
    """NAME=VALUE lines; {} for a file that is not there."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(1 << 16).splitlines()
    except OSError:
        return {}
    pairs = (line.partition("=") for line in lines)
    return {name.strip(): value.strip().strip("'\"") for name, _, value in pairs}
