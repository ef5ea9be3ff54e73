"""Tab completion of feature names. Silent on every failure: a Tab must never print a sentence into the prompt."""

from __future__ import annotations

from collections.abc import Callable

import click

# Seconds. A Tab that takes longer than this is worse than none.
_PATIENCE = 0.3


def feature_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """The features of CONFIG_DB that begin with `incomplete` and are not on the line yet, in natural order."""
    return _names(ctx, param, incomplete, lambda row: True)


def kube_only_names(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Of these, the ones that want kubernetes without fallback, as those that were installed do."""
    from system_service.model.feature_row import falls_back, wants_kubernetes

    return _names(ctx, param, incomplete, lambda row: wants_kubernetes(row) and not falls_back(row))


def _names(
    ctx: click.Context, param: click.Parameter, incomplete: str, fits: Callable[[dict[str, str]], bool]
) -> list[str]:
    from system_service.backends.switchdb import SwitchDB
    from system_service.errors import SwitchError
    from system_service.model.feature import valid_name
    from system_service.model.natural import natural

    taken = ctx.params.get(param.name or "")
    try:
        (rows,) = SwitchDB.from_config(timeout=_PATIENCE).tables(("CONFIG_DB", "FEATURE"))
    except (SwitchError, OSError):
        return []
    # A name of strange characters could break the shell's reading of the list.
    found = [n for n, row in rows.items() if n.startswith(incomplete) and valid_name(n) and fits(row)]
    return sorted((n for n in found if not (isinstance(taken, tuple) and n in taken)), key=natural)
