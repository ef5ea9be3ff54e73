"""How the console scripts run their group."""

from __future__ import annotations

import gc
import os
import sys

import click


def with_version(group: click.Group) -> click.Group:
    """The same group with --version, which says what is installed."""
    # Not click's own: it looks for translations, each time the host's `show` loads us.
    option = click.Option(
        ["--version"], is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version."
    )
    group.params.append(option)
    return group


def _version(ctx: click.Context, param: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"{ctx.find_root().info_name} {version('sonic-system-service')}")
        ctx.exit()


def run(group: click.Group, name: str) -> None:
    """Run the program under its own name, `python -m` or not, and end the process with its exit code."""
    try:
        sys.exit(_exit_code(group, name))
    finally:
        # The interpreter's last collection would walk all of click to free nothing that matters: a tenth of the time
        # that a command takes.
        gc.freeze()


def own_path() -> str:
    """The absolute path of `system`, for those that are to call it. Raises Failed when it is nowhere."""
    import shutil

    from system_service.errors import Failed

    called = os.path.abspath(sys.argv[0])
    found = called if os.path.basename(called) == "system" and os.access(called, os.X_OK) else shutil.which("system")
    if found is None:
        raise Failed("the program `system` is not in PATH", "install the package's wheel again")
    return os.path.abspath(found)


def _exit_code(group: click.Group, name: str) -> int:
    try:
        outcome = group.main(prog_name=name, standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        return 130  # Ctrl-C, where click itself would say 1
    except OSError as error:
        return output_lost(error)
    return outcome if isinstance(outcome, int) else 0


def output_lost(error: OSError) -> int:
    """Say that stdout could not be written (a full disk): the backends have turned their own errors into ours."""
    with open(os.devnull, "wb") as null:
        os.dup2(null.fileno(), 1)  # what is still in the buffer would fail once more at the end
    click.echo(f"Error: the output cannot be written: {error.strerror or error}", err=True)
    click.echo("Try: df", err=True)
    return 1
