"""How soon a step may be taken again: 1, 2, 4 ... 60 s after the last time, while it leads nowhere."""

from __future__ import annotations

from system_service.handover.own_row import LONGEST_PAUSE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from system_service.handover.decide import Step

_MOST_DOUBLED = 6  # then it is LONGEST_PAUSE
_MOST = 100  # steps remembered; their containers come and go


class Pace:
    """Steps by their kind, and failed ones by their container as well. Times are seconds since boot."""

    def __init__(self) -> None:
        self._taken: dict[tuple[str, str], tuple[int, float]] = {}

    def due(self, step: Step, now: float) -> float:
        """When it may be taken; a moment that is over: now."""
        moments = [self._next(("failed " + step.kind, step.id))]
        if not step.urgent:
            moments.append(self._next((step.kind, "")))
        return max(moments)

    def took(self, step: Step, now: float) -> None:
        self._taken.pop(("failed " + step.kind, step.id), None)
        self._count((step.kind, ""), now)

    def failed(self, step: Step, now: float) -> None:
        self._count(("failed " + step.kind, step.id), now)

    def begin_anew(self) -> None:
        """Something else is wanted, or it led somewhere."""
        self._taken.clear()

    def _count(self, key: tuple[str, str], now: float) -> None:
        times, last = self._taken.pop(key, (0, now))
        # Long after the last time it is a first time again.
        times = 0 if now - last > 10 * LONGEST_PAUSE else times
        self._taken[key] = (times + 1, now)
        if len(self._taken) > _MOST:
            del self._taken[next(iter(self._taken))]

    def _next(self, key: tuple[str, str]) -> float:
        times, last = self._taken.get(key, (0, 0.0))
        return last + min(2.0 ** min(times - 1, _MOST_DOUBLED), LONGEST_PAUSE) if times else 0.0
