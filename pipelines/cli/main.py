"""`labelcycle`: the commands, what they log, and how their errors end."""

import functools
import importlib
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperCommand

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, printable
from labelcycle.components.core.logging.events import LogContext, emit, json_logs, log_context, set_log_context
from labelcycle.components.core.logging.failures import GIVE_UP, TRY_AGAIN, exit_code_of, how_stopped, report_failure
from labelcycle.components.core.logging.json_logs import catch_up, write_json_logs
from labelcycle.components.core.runtime.garbage_collection import collect_seldom
from labelcycle.pipelines.cli.closed_pipes import outlive_readers
from labelcycle.pipelines.cli.empty_places import refuse_empty_places
from labelcycle.pipelines.cli.plain_output import print_plainly

if TYPE_CHECKING:
    app: typer.Typer


class LoggedCommand(TyperCommand):
    """Emits `command_started`, then `command_ended` with exit code and seconds, where the log is JSON.

    All lines of the process say from then on which command, campaign, cycle and stage they are about.
    """

    def invoke(self, ctx: Any) -> Any:
        """See `typer.core.TyperCommand`; `ctx` is the command's context."""
        if not json_logs():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt as stop:
                print(how_stopped(stop), file=sys.stderr)
                raise typer.Exit(exit_code_of(stop)) from stop
        root = ctx.params.get("root")
        set_log_context(**_context_of(ctx, root))
        emit("command_started")
        begun, code = time.perf_counter(), 0
        try:
            return super().invoke(ctx)
        except typer.Exit as end:
            code = end.exit_code
            raise
        except KeyboardInterrupt as stop:
            code = report_failure(stop)
            raise typer.Exit(code) from stop
        except Exception as error:
            code = report_failure(error)
            raise
        finally:
            catch_up()
            if root is not None and log_context()["campaign"] is None:
                from labelcycle.components.core.runtime.observation import campaign_at

                set_log_context(campaign=campaign_at(str(root)))  # the command may have begun it
            emit("command_ended", exit_code=code, seconds=time.perf_counter() - begun)


class CheckedCommand(TyperCommand):
    """Refuses empty places. Stages take them: to these they say that there is none."""

    def invoke(self, ctx: Any) -> Any:
        """See `typer.core.TyperCommand`; `ctx` is the command's context."""
        refuse_empty_places(ctx)
        return super().invoke(ctx)


class CommandForPeople(LoggedCommand, CheckedCommand):
    """Checked within what is logged, so that a refusal is, too."""


def _context_of(ctx: Any, root: object) -> LogContext:
    """What the command line says that the work belongs to, and what follows from the root."""
    group = ctx.parent.info_name if ctx.parent is not None and ctx.parent.parent is not None else None
    known = {name: ctx.params.get(name) for name in ("cycle", "attempt", "target", "shard")}
    from labelcycle.components.core.runtime.observation import campaign_at, next_cycle_at

    known["command"] = " ".join(filter(None, (group, ctx.info_name)))
    if root is not None:
        known["campaign"] = campaign_at(str(root))
    if group == "stage":
        known["stage"] = ctx.info_name
        if known["cycle"] is None and root is not None:
            known["cycle"] = next_cycle_at(str(root))
    return known


CAMPAIGN, MODELS, COMPARE, CLUSTER = "Campaign", "Models", "Compare", "Clusters"

COMMANDS = {
    "doctor": ("doctor", "doctor", CAMPAIGN),
    "init": ("init", "init", CAMPAIGN),
    "run": ("run", "run", CAMPAIGN),
    "amend": ("amend", "amend", CAMPAIGN),
    "label": ("label", "label", CAMPAIGN),
    "publish": ("publish", "publish", CAMPAIGN),
    "images": ("images", "images", CAMPAIGN),
    "status": ("status", "status", CAMPAIGN),
    "cost": ("cost", "cost", CAMPAIGN),
    "metrics": ("metrics", "metrics", CAMPAIGN),
    "verify": ("verify", "verify", CAMPAIGN),
    "replay": ("replay", "replay", CAMPAIGN),
    "prune": ("prune", "prune", CAMPAIGN),
    "finalize": ("finalize", "finalize", CAMPAIGN),
    "promote": ("promote", "promote", MODELS),
    "predict": ("predict", "predict", MODELS),
    "autolabel": ("autolabel", "autolabel", MODELS),
    "export": ("export", "export", MODELS),
    "recipes": ("recipes", "recipes", COMPARE),
    "backbones": ("backbones", "backbones", COMPARE),
    "backtest": ("backtest", "backtest", COMPARE),
    "batches": ("batches", "batches", COMPARE),
    "compile": ("compile", "compile_packages", CLUSTER),
    "argo": ("argo", "argo", CLUSTER),
    "manifests": ("manifests", "manifests", CLUSTER),
    "kserve": ("kserve", "kserve", CLUSTER),
    "submit": ("submit", "submit", CLUSTER),
    "schedule": ("schedule", "schedule", CLUSTER),
    "stage": ("stage", "app", CLUSTER),
}
"""The module beside this file and what is in it, and the heading, of each command, in the order of the help page."""

WRITING = frozenset(
    ["init", "run", "amend", "publish", "prune", "finalize", "promote", "predict", "autolabel", "export", "backtest"]
    + ["submit", "schedule", "stage"]
)
"""Commands that do more than they print, and so go on where nobody reads that any longer."""

VERSION = "--version"

COMPLETION = "_LABELCYCLE_COMPLETE"
"""Set by a shell that asks how a command line can go on; `labelcycle --install-completion` makes it ask."""


def app_with(names: Iterable[str], options: bool = True) -> typer.Typer:
    """The command line with some of its commands, since making the options of one costs more than most commands do.

    Args:
        names: of commands.
        options: whether commands have their options, which a page that lists commands does not show.
    """
    made = typer.Typer(
        name="labelcycle",
        help="Turn a pool of unlabelled images and a labelling budget into a good classifier, by active learning.\n\n"
        "Begin with `labelcycle init`, then `labelcycle run`; look with `labelcycle status`. Where the method trains a "
        "final model of its own, end with `labelcycle finalize`.\n\n"
        "Exit codes: 0 done, 1 wrong input or settings, 2 a failure that may pass (run again), 3 waiting for labels."
        "\n\nLABELCYCLE_LOG=json turns standard error into a log of one JSON object a line.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode="markdown",
    )
    made.callback()(_options_of_all)  # else a single command would take the place of the whole
    for name in names:
        module, attribute, panel = COMMANDS[name]
        found = getattr(importlib.import_module(f"labelcycle.pipelines.cli.{module}"), attribute)
        if isinstance(found, typer.Typer):
            for command in found.registered_commands:
                command.cls = LoggedCommand
            made.add_typer(found, name=name, rich_help_panel=panel)
        else:
            said = _with_options(name, found) if options else _without_options(found)
            made.command(name, rich_help_panel=panel, cls=CommandForPeople)(said)
    return made


def _print_version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        print(f"labelcycle {version('labelcycle')}")
        raise typer.Exit


def _options_of_all(
    version: Annotated[
        bool, typer.Option(VERSION, callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


def _with_options(name: str, command: Callable[..., None]) -> Callable[..., None]:
    if name != "init":
        return command
    from labelcycle.pipelines.cli.init_options import with_flags

    return with_flags(command)


def _without_options(command: Callable[..., None]) -> Callable[[], None]:
    def named() -> None:
        raise NotImplementedError

    named.__doc__ = command.__doc__
    return named


def __getattr__(name: str) -> Any:
    """`app` is the whole command line, made when it is asked for."""
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return _whole()


@functools.cache
def _whole() -> typer.Typer:
    return app_with(COMMANDS)


def _asked_for() -> typer.Typer:
    """As much of the command line as the arguments of this process ask for."""
    first = sys.argv[1] if len(sys.argv) > 1 else "--help"
    if COMPLETION in os.environ:
        return _whole()
    if first == VERSION:
        return app_with([])
    if first in COMMANDS:
        return app_with([first])
    return app_with(COMMANDS, options=False) if first == "--help" else _whole()


def main() -> None:
    """Run the command line; errors of labelcycle end in one message and their exit code, without a traceback."""
    print_plainly()
    collect_seldom()
    if sys.argv[1:2] and sys.argv[1] in WRITING:
        outlive_readers()
    try:
        end = _end_with_json_logs if json_logs() else _end
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    if sys.argv[1:2] in (["stage"], ["status"]) and "--help" not in sys.argv:
        from labelcycle.components.core.storage.without_pandas import spare_pandas

        spare_pandas()
    sys.exit(end())


def _end() -> int | str | None:
    """Run the command line for people; returns the exit code."""
    try:
        _asked_for()()
    except SystemExit as end:
        # The command-line library ends wrong usage with 2, which here means that trying again may help.
        return GIVE_UP if end.code == TRY_AGAIN else end.code
    except KeyboardInterrupt as stop:  # before a command has begun
        print(how_stopped(stop), file=sys.stderr)
        return exit_code_of(stop)
    except Exception as error:
        _print_error(error)
        return exit_code_of(error)
    return 0


def _print_error(error: Exception) -> None:
    """One message; a fault in the program comes with its traceback, which is what its report needs."""
    if isinstance(error, LabelcycleError):
        print(f"error: {error}", file=sys.stderr)
    elif isinstance(error, MemoryError | OSError) and exit_code_of(error) == TRY_AGAIN:
        what = str(error) or "there is not enough memory"
        print(
            f"error: {what}. Make room, or wait for what is missing, then run the same command again.", file=sys.stderr
        )
    elif isinstance(error, OSError):
        print(printable(f"error: {error}. Check the path and its permissions."), file=sys.stderr)
    else:
        traceback.print_exception(error)


def _end_with_json_logs() -> int:
    """Run the command line for machines; returns the exit code."""
    write_json_logs()
    try:
        code = _asked_for()(standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):
            return report_failure(error)
        emit("error", level="error", error="UsageError", message=error.format_message(), exit_code=GIVE_UP)
        return GIVE_UP
    except KeyboardInterrupt as error:
        return report_failure(error)
    return code if isinstance(code, int) else 0


if __name__ == "__main__":
    main()
