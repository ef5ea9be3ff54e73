"""monit's configuration for a switch: one entry for all containers, one a feature for its processes. Pure.

Nothing in it depends on modes or states, only on which features there are.
"""

from __future__ import annotations

from collections.abc import Iterable

# As long as the host's own checker has to fail: a restart, a reload of CONFIG_DB, a daemon that is just being upgraded
# take fewer cycles, and what lasts is told.
_CYCLES = 5
_HEAD = """\
# Features of this switch, whoever runs them, as `system service monit` prints them: to be made anew when
# a feature is added or removed; a change of mode or state needs nothing.
"""


def configuration(features: Iterable[str], program: str, options: Iterable[str] = ()) -> str:
    """The text. `program`: path of `system`; `options`: words added to each call."""
    extra = "".join(f" {word}" for word in options)
    entries = [("feature_containers", f"{program} service check{extra}")]
    entries += [(f"{name}_processes", f"{program} service check {name} --processes{extra}") for name in features]
    return _HEAD + "".join(
        f'\ncheck program "{name}" with path "{words}"\n'
        f"    if status != 0 for {_CYCLES} times within {_CYCLES} cycles then alert\n"
        for name, words in entries
    )
