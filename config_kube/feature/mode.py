"""`config feature mode`."""

from __future__ import annotations

import click

from system_service.domain.change.plan import Request, Verb
from system_service.domain.change.plan_mode import goes_with_all
from system_service.domain.result import Result
from system_service.domain.status.observe import observe
from system_service.domain.switch import Switch
from system_service.model.feature import Mode
from system_service.terminal import change
from system_service.terminal.command import Command
from system_service.terminal.complete import feature_names
from system_service.terminal.options import change_options

# The host's stored words are accepted beside ours.
_MODES = {"legacy": Mode.LEGACY, "local": Mode.LEGACY, "kubernetes": Mode.KUBERNETES, "kube": Mode.KUBERNETES}


def _complete(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    modes = [m for m in ("legacy", "kubernetes") if m.startswith(incomplete)]
    return [*feature_names(ctx, param, incomplete), *modes]


@click.command("mode", cls=Command)
@click.argument("words", nargs=-1, required=True, metavar="NAME... legacy|kubernetes", shell_complete=_complete)
@click.option("--all", "everything", is_flag=True, help="Every feature that can, instead of names.")
@click.option("--fallback/--no-fallback", default=None, help="May the local image serve while Kubernetes cannot?")
@change_options(timeout=300)
def command(
    words: tuple[str, ...],
    everything: bool,
    fallback: bool | None,
    timeout: float,
    no_wait: bool,
    dry_run: bool,
    as_json: bool,
) -> Result:
    """Run features from the switch's image (legacy) or from Kubernetes.

    Several names are one change. Without a fallback option the setting stays as it is.

    \b
    Examples:
      config feature mode snmp kubernetes
      config feature mode snmp lldp legacy
      config feature mode --all legacy --dry-run
    """
    *names, word = words
    if word not in _MODES:
        raise click.UsageError(f"the last word is the mode, one of legacy, kubernetes: not {word!r}")
    if everything is bool(names):
        raise click.UsageError("name the features, or give --all" if not names else "--all takes no names")
    mode = _MODES[word]
    if everything:
        names = [f.spec.name for f in observe(Switch.from_env()).features if goes_with_all(f, mode)]
        if not names:
            return Result("config feature mode", dry_run=dry_run)
    return change.run(
        tuple(names),
        Request(Verb.MODE, mode, fallback),
        timeout=timeout,
        no_wait=no_wait,
        dry_run=dry_run,
        as_json=as_json,
        writes_config=True,
    )
