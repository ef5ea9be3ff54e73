"""How every command that changes features runs and is shown: the outcome lines, the plan of a dry run."""

from __future__ import annotations

from collections.abc import Callable

import click

from system_service.domain.change.operate import Ask, operate
from system_service.domain.change.plan import Request, Verb
from system_service.domain.result import FeatureReport, Report, Result, Unseen
from system_service.domain.switch import Switch
from system_service.terminal.command import Command, echo_error, echo_steps, echo_warning, spoken
from system_service.terminal.hints import save_hint
from system_service.terminal.options import change_options, names_argument
from system_service.terminal.progress import progress


def run(
    names: tuple[str, ...],
    request: Request,
    *,
    timeout: float,
    no_wait: bool,
    dry_run: bool,
    as_json: bool,
    writes_config: bool = False,
) -> Result:
    """Carry the request out and show it, except in JSON, which the command class prints."""
    command = spoken(click.get_current_context())
    warn = (lambda sentence: None) if as_json else echo_warning
    ask = Ask(command, names, request, timeout, wait=not no_wait, dry_run=dry_run, tell=progress(), warn=warn)
    result = operate(Switch.from_env(), ask)
    if not as_json:
        _show(result)
    if writes_config and result.changed and not dry_run:
        save_hint()
    return result


def single(
    name: str, change: Callable[[Switch, Ask], Result], *, timeout: float, dry_run: bool, as_json: bool
) -> Result:
    """Carry out a change of one feature that brings its own ways, and show it as `run` does."""
    command = spoken(click.get_current_context())
    ask = Ask(command, (name,), Request(Verb.MODE), timeout, dry_run=dry_run, tell=progress())
    result = change(Switch.from_env(), ask)
    if not as_json:
        _show(result)
    if result.changed and not dry_run:
        save_hint()
    return result


def verb_command(name: str, verb: Verb, text: str, *, writes_config: bool = False) -> Command:
    """`system service NAME ...`: the command that asks `verb` of the features named; `text` is its help."""

    @click.command(name, cls=Command, help=text)
    @names_argument()
    @change_options()
    def command(names: tuple[str, ...], timeout: float, no_wait: bool, dry_run: bool, as_json: bool) -> Result:
        return run(
            names,
            Request(verb),
            timeout=timeout,
            no_wait=no_wait,
            dry_run=dry_run,
            as_json=as_json,
            writes_config=writes_config,
        )

    return command


def _show(result: Result) -> None:
    for report in result.reports:
        if result.dry_run:
            plan = report.plan if isinstance(report, FeatureReport | Unseen) else None
            echo_steps(plan or (), failed=report.error is not None, of=report.name)
        elif not report.error:
            click.echo(f"{report.name}: {outcome(report)}{'' if report.changed else ' (unchanged)'}")
        # The first failure is the result's, and shown with it.
        if report.error and report.error is not result.error:
            echo_error(report.error)


def outcome(report: Report) -> str:
    """The status word of what a change without an error has left; a feature that is not there any more has none."""
    return report.status if isinstance(report, FeatureReport) else "uninstalled"
