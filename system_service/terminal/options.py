"""Arguments and options that commands share, each defined once under the name the contract gives it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import click

from system_service.terminal.complete import feature_names

Decorated = Callable[[Callable[..., Any]], Callable[..., Any]]


_DAY = 86400


class Seconds(click.FloatRange):
    """A time limit: a number that comes to pass, which `nan` does not."""

    name = "seconds"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            self.fail(f"{value!r} is not a number of seconds.", param, ctx)
        return super().convert(number, param, ctx)


def name_argument() -> Decorated:
    """One feature."""
    return click.argument("name", shell_complete=feature_names)


def names_argument(*, required: bool = True) -> Decorated:
    """Features, as a tuple."""
    metavar = "NAME..." if required else "[NAME]..."
    return click.argument("names", nargs=-1, required=required, metavar=metavar, shell_complete=feature_names)


def unused_timeout_option() -> Decorated:
    """`-t`, which the host's `container` takes with every verb, and uses to stop."""
    return click.option("-t", "--timeout", type=int, hidden=True, expose_value=False)


def json_option() -> Decorated:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="One JSON object on stdout, on failure too.")


def dry_run_option() -> Decorated:
    """`--dry-run`."""
    return click.option("--dry-run", is_flag=True, help="Show the steps, change nothing.")


def timeout_option(default: float) -> Decorated:
    """Seconds for the whole command."""
    return click.option(
        "--timeout",
        type=Seconds(0, _DAY, min_open=True),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help="Time limit for the whole command.",
    )


def patience_option(default: float) -> Decorated:
    """Seconds until waiting for a pod is an alarm."""
    return click.option(
        "--patience",
        type=Seconds(0, _DAY),
        default=default,
        show_default=True,
        metavar="SECONDS",
        help="How long a kubernetes-only feature may wait for its pod before that is an alarm.",
    )


def change_options(timeout: float = 60) -> Decorated:
    """--timeout, --no-wait, --dry-run and --json, as every command that changes something has them."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        for option in (
            json_option(),
            dry_run_option(),
            click.option("--no-wait", is_flag=True, help="Return once it is begun."),
            timeout_option(timeout),
        ):
            function = option(function)
        return function

    return decorate
