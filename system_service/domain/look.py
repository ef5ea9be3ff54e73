"""What every command that looks ends with: the features as they are, and what failed on the way."""

from __future__ import annotations

from collections.abc import Sequence

from system_service.domain.observe import intent, see
from system_service.domain.report import report, unknown, unseen
from system_service.domain.result import Result
from system_service.domain.switch import Switch
from system_service.errors import SwitchError


def look(switch: Switch, command: str, names: Sequence[str] = (), *, partial: bool = False) -> Result:
    """The named features in the order asked (none: all); a name without a feature does not hide the others.

    With `partial`, when Docker or systemd cannot be asked, the Result holds the error and what CONFIG_DB says.

    Raises:
        UnknownFeature: no name has a FEATURE row.
        Unreachable, NotPermitted, TimedOut: a backend cannot be asked.
    """
    wanted = intent(switch, names)
    error: SwitchError | None = next(iter(wanted.unknown.values()), None)
    try:
        seen = {f.feature.name: report(f) for f in see(switch, wanted).features}
    except SwitchError as failure:
        if not partial:
            raise
        error = failure
        seen = {f.name: unseen(f, failure) for f in wanted.features}
    order = dict.fromkeys(names) or seen
    return Result(command, tuple(seen.get(n) or unknown(n, wanted.unknown[n]) for n in order), error=error)
