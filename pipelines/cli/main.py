"""`labelcycle`: the commands, what they log, and how their errors end."""

import sys
import time
import traceback
from typing import Any

import typer
from typer.core import TyperCommand

from labelcycle.components.core.errors import ConfigurationError, LabelcycleError, printable
from labelcycle.components.core.logging.events import LogContext, emit, json_logs, log_context, set_log_context
from labelcycle.components.core.logging.failures import GIVE_UP, INTERRUPTED, TRY_AGAIN, exit_code_of, report_failure
from labelcycle.components.core.logging.json_logs import catch_up, write_json_logs
from labelcycle.components.core.runtime.observation import campaign_at, next_cycle_at
from labelcycle.pipelines.cli import (
    argo,
    backtest,
    batches,
    compile,
    cost,
    export,
    finalize,
    images,
    init,
    manifests,
    metrics,
    predict,
    promote,
    prune,
    publish,
    recipes,
    replay,
    run,
    schedule,
    stage,
    status,
    submit,
    verify,
)


class LoggedCommand(TyperCommand):
    """Emits `command_started`, then `command_ended` with exit code and seconds, where the log is JSON.

    All lines of the process say from then on which command, campaign, cycle and stage they are about.
    """

    def invoke(self, ctx: Any) -> Any:
        """See `typer.core.TyperCommand`; `ctx` is the command's context."""
        if not json_logs():
            return super().invoke(ctx)
        root = ctx.params.get("root")
        set_log_context(**_context_of(ctx, root))
        emit("command_started")
        begun, code = time.perf_counter(), 0
        try:
            return super().invoke(ctx)
        except typer.Exit as end:
            code = end.exit_code
            raise
        except (Exception, KeyboardInterrupt) as error:
            code = report_failure(error)
            raise
        finally:
            catch_up()
            if root is not None and log_context()["campaign"] is None:
                set_log_context(campaign=campaign_at(str(root)))  # the command may have begun it
            emit("command_ended", exit_code=code, seconds=time.perf_counter() - begun)


def _context_of(ctx: Any, root: object) -> LogContext:
    """What the command line says that the work belongs to, and what follows from the root."""
    group = ctx.parent.info_name if ctx.parent is not None and ctx.parent.parent is not None else None
    known = {name: ctx.params.get(name) for name in ("cycle", "attempt", "target", "shard")}
    known["command"] = " ".join(filter(None, (group, ctx.info_name)))
    if root is not None:
        known["campaign"] = campaign_at(str(root))
    if group == "stage":
        known["stage"] = ctx.info_name
        if known["cycle"] is None and root is not None:
            known["cycle"] = next_cycle_at(str(root))
    return known


app = typer.Typer(
    name="labelcycle",
    help="Turn a pool of unlabelled images and a labelling budget into a good classifier, by active learning.\n\n"
    "Begin with `labelcycle init`, then `labelcycle run`; look with `labelcycle status`. Where the method trains a "
    "final model of its own, end with `labelcycle finalize`.\n\n"
    "Exit codes: 0 done, 1 wrong input or settings, 2 a failure that may pass (run again), 3 waiting for labels.\n\n"
    "LABELCYCLE_LOG=json turns standard error into a log of one JSON object a line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
CAMPAIGN, MODELS, COMPARE, CLUSTER = "Campaign", "Models", "Compare", "Clusters"

app.command("init", rich_help_panel=CAMPAIGN)(init.init)
app.command("run", rich_help_panel=CAMPAIGN)(run.run)
app.command("publish", rich_help_panel=CAMPAIGN)(publish.publish)
app.command("images", rich_help_panel=CAMPAIGN)(images.images)
app.command("status", rich_help_panel=CAMPAIGN)(status.status)
app.command("cost", rich_help_panel=CAMPAIGN)(cost.cost)
app.command("metrics", rich_help_panel=CAMPAIGN)(metrics.metrics)
app.command("verify", rich_help_panel=CAMPAIGN)(verify.verify)
app.command("replay", rich_help_panel=CAMPAIGN)(replay.replay)
app.command("prune", rich_help_panel=CAMPAIGN)(prune.prune)
app.command("finalize", rich_help_panel=CAMPAIGN)(finalize.finalize)
app.command("promote", rich_help_panel=MODELS)(promote.promote)
app.command("predict", rich_help_panel=MODELS)(predict.predict)
app.command("export", rich_help_panel=MODELS)(export.export)
app.command("recipes", rich_help_panel=COMPARE)(recipes.recipes)
app.command("backtest", rich_help_panel=COMPARE)(backtest.backtest)
app.command("batches", rich_help_panel=COMPARE)(batches.batches)
app.command("compile", rich_help_panel=CLUSTER)(compile.compile_packages)
app.command("argo", rich_help_panel=CLUSTER)(argo.argo)
app.command("manifests", rich_help_panel=CLUSTER)(manifests.manifests)
app.command("submit", rich_help_panel=CLUSTER)(submit.submit)
app.command("schedule", rich_help_panel=CLUSTER)(schedule.schedule)
app.add_typer(stage.app, name="stage", rich_help_panel=CLUSTER)


for command in (*app.registered_commands, *stage.app.registered_commands):
    command.cls = LoggedCommand


def main() -> None:
    """Run the command line; errors of labelcycle end in one message and their exit code, without a traceback."""
    try:
        end = _end_with_json_logs if json_logs() else _end
    except ConfigurationError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    sys.exit(end())


def _end() -> int | str | None:
    """Run the command line for people; returns the exit code."""
    try:
        app()
    except SystemExit as end:
        # The command-line library ends wrong usage with 2, which here means that trying again may help.
        return GIVE_UP if end.code == TRY_AGAIN else end.code
    except KeyboardInterrupt:
        print("stopped; nothing committed is lost, run the same command to go on", file=sys.stderr)
        return INTERRUPTED
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
        code = app(standalone_mode=False)
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
