"""`labelcycle`: the commands, and how their errors end."""

import sys

import typer

from labelcycle.components.core.errors import LabelcycleError
from labelcycle.pipelines.cli import (
    argo,
    backtest,
    batches,
    compile,
    cost,
    finalize,
    images,
    init,
    recipes,
    run,
    schedule,
    stage,
    status,
    submit,
)

app = typer.Typer(
    name="labelcycle",
    help="Turn a pool of unlabelled images and a labelling budget into a good classifier, by active learning.\n\n"
    "Begin with `labelcycle init`, then `labelcycle run`; look with `labelcycle status`. Where the method trains a "
    "final model of its own, end with `labelcycle finalize`.\n\n"
    "Exit codes: 0 done, 1 wrong input or settings, 2 a failure that may pass (run again), 3 waiting for labels.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
)
app.command("init")(init.init)
app.command("run")(run.run)
app.command("finalize")(finalize.finalize)
app.command("status")(status.status)
app.command("images")(images.images)
app.command("cost")(cost.cost)
app.command("recipes")(recipes.recipes)
app.command("backtest")(backtest.backtest)
app.command("batches")(batches.batches)
app.command("compile")(compile.compile_packages)
app.command("argo")(argo.argo)
app.command("submit")(submit.submit)
app.command("schedule")(schedule.schedule)
app.add_typer(stage.app, name="stage")


def main() -> None:
    """Run the command line; errors of labelcycle end in one message and their exit code, without a traceback."""
    try:
        app()
    except SystemExit as end:
        # The command-line library ends wrong usage with 2, which here means that trying again may help.
        sys.exit(1 if end.code == 2 else end.code)
    except LabelcycleError as error:
        print(f"error: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("stopped; nothing committed is lost, run the same command to go on", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        print(f"error: {error}. Check the path and its permissions.", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
