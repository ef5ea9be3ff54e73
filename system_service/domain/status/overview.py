"""What every command that looks ends with: the features as they are, and what failed on the way."""

from __future__ import annotations

from collections.abc import Sequence

from system_service.domain.result import Report, Result, Unseen
from system_service.domain.status.observe import intent, see
from system_service.domain.status.report import report
from system_service.domain.switch import Switch
from system_service.errors import SwitchError


def look(switch: Switch, command: str, names: Sequence[str] = (), *, partial: bool = False) -> Result:
    """The named features in the order asked (none: all); a name without a feature does not hide the others.

    With `partial`, when Docker or systemd cannot be asked, the Result holds the error and what CONFIG_DB says.

    Raises:
        UnknownFeature: no name has a FEATURE row.
        Unreachable, NotPermitted, TimedOut: a backend cannot be asked.
    """
    intended = intent(switch, names)
    error: SwitchError | None = next(iter(intended.unknown.values()), None)
    try:
        reports: dict[str, Report] = {f.spec.name: report(f) for f in see(switch, intended).features}
    except SwitchError as failure:
        if not partial:
            raise
        error = failure
        reports = {f.name: Unseen(f.name, f, error=failure) for f in intended.features}
    order = dict.fromkeys(names) or reports
    return Result(command, tuple(reports.get(n) or Unseen(n, error=intended.unknown[n]) for n in order), error=error)
