"""`system container wait`, the process itself: `python -I -S waiter.py CONTAINER FOLDER...`.

systemd keeps one per feature for as long as the feature lives. Without site-packages' start-up it needs half the
memory; the FOLDERs are where this package and hiredis are to be found. Exit code 0: the container's life has ended.
"""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import signal
else:  # the other makes enums of all its numbers, which stay in memory for each feature
    import _signal as signal


def main(argv: list[str]) -> int:
    """`argv` as the process got it. Returns the exit code (docs/exit-codes.md)."""
    sys.path += argv[2:]
    # Ctrl-C by hand: end as any program does, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from system_service.errors import SwitchError
    from system_service.waiting.reconnecting import say
    from system_service.waiting.unit_life import UnitLife

    try:
        UnitLife(argv[1]).wait()
    except SwitchError as error:
        say(f"Error: {error}")
        if error.resolution:
            say(f"Try: {error.resolution}")
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
