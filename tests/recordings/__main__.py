"""python -m tests.recordings FILE...: replays recordings; ends with 0 when nothing differs but what is meant."""

from __future__ import annotations

import sys

from tests.recordings.replay import Unplayable, load, replay


def main(paths: list[str]) -> int:
    """Returns the exit code: 0, 1 when a case differs, 2 when a file cannot be replayed at all."""
    if not paths:
        print("usage: python -m tests.recordings FILE...", file=sys.stderr)  # noqa: T201
        return 2
    cases = as_recorded = wrong = 0
    code = 0
    for path in paths:
        try:
            for outcome in replay(load(path)):
                cases += 1
                as_recorded += not outcome.differences and not outcome.reasons
                wrong += bool(outcome.differences)
                if outcome.differences or outcome.reasons:
                    print(outcome, flush=True)  # noqa: T201
        except (OSError, Unplayable) as error:
            print(f"{path}: {error}", file=sys.stderr)  # noqa: T201
            code = 2
    if meant := cases - as_recorded - wrong:
        print(f"{meant} differ as they are meant to")  # noqa: T201
    print(f"{as_recorded} of {cases} cases as recorded")  # noqa: T201
    return code or int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
