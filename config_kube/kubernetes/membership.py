"""How `config kubernetes join` and `reset` are run and shown."""

from __future__ import annotations

from collections.abc import Callable

import click

from system_service.domain.cluster.node import Order
from system_service.domain.result import Result
from system_service.domain.switch import Switch
from system_service.terminal.command import echo_steps, echo_warning, spoken
from system_service.terminal.progress import progress


def run(change: Callable[[Switch, Order], Result], *, timeout: float, dry_run: bool, as_json: bool) -> Result:
    """Carry the change out and show it, except in JSON, which the command class prints."""
    order = Order(spoken(click.get_current_context()), timeout, dry_run, progress())
    result = change(Switch.from_env(), order)
    if not as_json:
        _show(result)
    return result


def _show(result: Result) -> None:
    node = result.node
    if node is None:
        return
    for sentence in node.warnings:
        echo_warning(sentence)
    if result.dry_run:
        echo_steps(node.plan or (), failed=result.error is not None, of=node.name)
    elif not result.error:
        state = f"has joined {node.server or 'a cluster'}" if node.joined else "is in no cluster"
        click.echo(f"{node.name}: {state}{'' if result.changed else ' (unchanged)'}")
