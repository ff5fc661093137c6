"""One cycle of active learning as one pipeline run."""

from kfp import dsl

from labelcycle.components.embed.component import embed
from labelcycle.components.evaluate.component import evaluate
from labelcycle.components.label_ingest.component import label_ingest
from labelcycle.components.publish.component import publish
from labelcycle.components.score.component import score
from labelcycle.components.select.component import select
from labelcycle.components.train_adapter.component import train_adapter


def _never_cached(*tasks: dsl.PipelineTask) -> None:
    """Stages write to the campaign's root, which no platform's cache can see; they skip what is done by themselves."""
    for task in tasks:
        task.set_caching_options(False)


@dsl.pipeline(name="labelcycle-attempt", description="Train or begin cold, then choose what to label next.")
def attempt_at_cycle(root: str, decision: str, cycle: int, attempt: str) -> None:
    """Carry out what label_ingest decided; decisions other than cold_start and train run nothing.

    A pipeline of its own because kfp.local resolves conditions on a pipeline's inputs, but not on one of several
    outputs of a task.

    Args:
        root: the campaign's folder or S3 prefix.
        decision: from label_ingest.
        cycle: from label_ingest.
        attempt: from label_ingest.
    """
    work = {"root": root, "cycle": cycle, "attempt": attempt}

    with dsl.If(decision == "cold_start", name="cold-start"):
        base = embed(target="base", **work)
        chosen = select(**work).after(base)
        published = publish(**work).after(chosen)
        _never_cached(base, chosen, published)

    with dsl.If(decision == "train", name="train"):
        base = embed(target="base", **work)
        trained = train_adapter(**work).after(base)
        tuned = embed(target="tuned", **work).after(trained)
        evaluated = evaluate(**work).after(tuned)
        scored = score(**work).after(tuned)
        chosen = select(**work).after(scored)
        published = publish(**work).after(evaluated, chosen)
        _never_cached(base, trained, tuned, evaluated, scored, chosen, published)


@dsl.pipeline(name="labelcycle-cycle", description="Ingest labels, train, evaluate, and choose what to label next.")
def cycle(root: str, labels_from: str = "", finalize: bool = False) -> None:
    """Run one cycle of the campaign at `root`; nothing is written while labels are awaited or the campaign is done.

    Args:
        root: the campaign's folder or S3 prefix.
        labels_from: a label file to read instead of the campaign's own source; empty for the campaign's own.
        finalize: train the final model on every label so far, and end the campaign.
    """
    following = label_ingest(root=root, labels_from=labels_from, finalize=finalize)
    _never_cached(following)
    attempt_at_cycle(
        root=root,
        decision=following.outputs["decision"],
        cycle=following.outputs["cycle"],
        attempt=following.outputs["attempt"],
    )
