"""`python -m tests.rows [NUMBER]`: so many rows (a million); exit code 0 when everything was told in sentences."""

from __future__ import annotations

import sys
import tempfile
import traceback
from unittest import mock

from system_service.domain.monit import handing_over as transit
from tests.rows.anything import ROWS, judge

_MOST_SHOWN = 10


def main(rows: int) -> int:
    switches, failed = -(-rows // ROWS), 0
    # Whether somebody takes the next step of a handover is looked for once, and not for half a second.
    with tempfile.TemporaryDirectory(prefix="rows-") as folder, mock.patch.object(transit, "_BETWEEN", 0.0):
        for seed in range(switches):
            try:
                judge(seed, folder)
            except Exception:  # noqa: BLE001 - it is what is looked for
                failed += 1
                if failed <= _MOST_SHOWN:
                    print(f"seed {seed}:", traceback.format_exc(), sep="\n")  # noqa: T201
            if seed % 10_000 == 9_999:
                print(f"{(seed + 1) * ROWS} rows", flush=True)  # noqa: T201
    print(f"{switches - failed} of {switches} switches, of {ROWS} rows each, told in sentences")  # noqa: T201
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000))
