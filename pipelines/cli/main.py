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
    export,
    finalize,
    images,
    init,
    predict,
    promote,
    publish,
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
CAMPAIGN, MODELS, COMPARE, CLUSTER = "Campaign", "Models", "Compare", "Clusters"

app.command("init", rich_help_panel=CAMPAIGN)(init.init)
app.command("run", rich_help_panel=CAMPAIGN)(run.run)
app.command("publish", rich_help_panel=CAMPAIGN)(publish.publish)
app.command("images", rich_help_panel=CAMPAIGN)(images.images)
app.command("status", rich_help_panel=CAMPAIGN)(status.status)
app.command("cost", rich_help_panel=CAMPAIGN)(cost.cost)
app.command("finalize", rich_help_panel=CAMPAIGN)(finalize.finalize)
app.command("promote", rich_help_panel=MODELS)(promote.promote)
app.command("predict", rich_help_panel=MODELS)(predict.predict)
app.command("export", rich_help_panel=MODELS)(export.export)
app.command("recipes", rich_help_panel=COMPARE)(recipes.recipes)
app.command("backtest", rich_help_panel=COMPARE)(backtest.backtest)
app.command("batches", rich_help_panel=COMPARE)(batches.batches)
app.command("compile", rich_help_panel=CLUSTER)(compile.compile_packages)
app.command("argo", rich_help_panel=CLUSTER)(argo.argo)
app.command("submit", rich_help_panel=CLUSTER)(submit.submit)
app.command("schedule", rich_help_panel=CLUSTER)(schedule.schedule)
app.add_typer(stage.app, name="stage", rich_help_panel=CLUSTER)


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
