"""A command that tells the log where it begins, and how it ends."""

import time
from typing import Any

import typer
from typer.core import TyperCommand

from labelcycle.components.core.logging.campaigns import campaign_at, next_cycle_at
from labelcycle.components.core.logging.events import emit
from labelcycle.components.core.logging.failures import tell
from labelcycle.components.core.logging.install import catch_up
from labelcycle.components.core.logging.mode import json_logs
from labelcycle.components.core.logging.place import move, place


class LoggedCommand(TyperCommand):
    """Tells `command_started`, then `command_ended` with exit code and seconds, where the log is JSON.

    All lines of the process say from then on which command, campaign, cycle and stage they are about.
    """

    def invoke(self, ctx: Any) -> Any:
        """See `typer.core.TyperCommand`; `ctx` is the command's context."""
        if not json_logs():
            return super().invoke(ctx)
        root = ctx.params.get("root")
        move(**_place_of(ctx, root))
        emit("command_started")
        begun, code = time.perf_counter(), 0
        try:
            return super().invoke(ctx)
        except typer.Exit as end:
            code = end.exit_code
            raise
        except (Exception, KeyboardInterrupt) as error:
            code = tell(error)
            raise
        finally:
            catch_up()
            if root is not None and place()["campaign"] is None:
                move(campaign=campaign_at(str(root)))  # the command may have begun it
            emit("command_ended", exit_code=code, seconds=time.perf_counter() - begun)


def _place_of(ctx: Any, root: object) -> dict[str, Any]:
    """What the command line says about the place of the work, and what follows from the root."""
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
