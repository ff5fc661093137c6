"""`labelcycle amend`: change a campaign that has begun, from its next cycle on."""

import json
import shlex
import sys
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from labelcycle.pipelines.cli.arguments import settings_of

if TYPE_CHECKING:
    from labelcycle.pipelines.amending.amend import Amended, WantedChanges


def amend(
    root: Annotated[str, typer.Argument(help="The campaign: a folder or s3://bucket/prefix.")],
    budget: Annotated[
        int | None, typer.Option(help="Labels in all, those that were paid for among them; more, or fewer.")
    ] = None,
    batch: Annotated[int | None, typer.Option(help="Labels a cycle.")] = None,
    recipe: Annotated[
        str | None, typer.Option(help="A recipe with the same trainer, by name or file: another way to choose.")
    ] = None,
    overrides: Annotated[
        list[str] | None,
        typer.Option("--set", help="A setting of the recipe, such as selector.strategy=margin; may be repeated."),
    ] = None,
    images: Annotated[
        str | None, typer.Option(help="New images: a folder or prefix, a manifest, or files that hold images.")
    ] = None,
    embeddings: Annotated[str | None, typer.Option(help="A file of new embeddings, .parquet or .npz.")] = None,
    test: Annotated[
        str | None,
        typer.Option(help="Label file of samples that join the test set; earlier models are measured on it again."),
    ] = None,
    withdraw: Annotated[
        str | None,
        typer.Option(
            help="File of samples to take out, one id a line or CSV with sample_id: never used or shown again."
        ),
    ] = None,
    watch_images: Annotated[
        str | None,
        typer.Option(help="Folder or s3:// prefix whose new images join at each cycle; '' to watch none any more."),
    ] = None,
    erase: Annotated[
        bool,
        typer.Option(
            help="With --withdraw: also take their rows, features and thumbnails out of every object. Not to be undone."
        ),
    ] = False,
    drop_leaks: Annotated[
        bool, typer.Option(help="Set new samples aside that are nearly the same as a test sample.")
    ] = False,
    classes: Annotated[
        list[str] | None, typer.Option("--classes", metavar="+NAME", help="A new class; may be repeated.")
    ] = None,
    rename_class: Annotated[
        list[str] | None,
        typer.Option("--rename-class", metavar="OLD=NEW", help="Another name for a class; may be repeated."),
    ] = None,
    merge_classes: Annotated[
        list[str] | None,
        typer.Option("--merge-classes", metavar="A,B=NEW", help="Make classes one; may be repeated."),
    ] = None,
    label_price: Annotated[float | None, typer.Option(help="Price of one annotation.", min=0)] = None,
    annotators_per_label: Annotated[int | None, typer.Option(help="Annotations paid for a label.", min=1)] = None,
    price_cpu_hour: Annotated[float | None, typer.Option(help="Price of an hour of one CPU core.", min=0)] = None,
    price_gpu_hour: Annotated[float | None, typer.Option(help="Price of a GPU hour.", min=0)] = None,
    notify: Annotated[
        list[str] | None,
        typer.Option(help="Whom to tell of what, such as webhook=true or email.to=ann@example.org; may be repeated."),
    ] = None,
    no_notify: Annotated[bool, typer.Option("--no-notify", help="Tell nobody any more.")] = False,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print the amendment as JSON for machines.")] = False,
) -> None:
    """Change a campaign that has begun: its budget and batches, how it chooses, its samples, classes and prices.

    The change is in force from the next cycle on. Cycles before it stay as they are, and can be verified and replayed.
    A campaign whose budget is spent goes on where there is more of it. Answers that were given to a class which is then
    renamed or merged count as what it is now, also those in label files that have the old name. What was changed, when,
    by whom and why is kept under amendments/ and shown by labelcycle status.

    Example: labelcycle amend campaigns/digits --budget 400 --reason "two more weeks of labelling"

    Example: labelcycle amend campaigns/pets --classes +rabbit --merge-classes tabby,siamese=cat
    """
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.amending.amend import WantedChanges, amend_campaign
    from labelcycle.pipelines.amending.labelling_tool import offer_classes
    from labelcycle.pipelines.amending.sample_changes import WantedSamples

    prices = {
        "label": label_price,
        "annotators_per_label": annotators_per_label,
        "cpu_hour": price_cpu_hour,
        "gpu_hour": price_gpu_hour,
    }
    wanted = WantedChanges(
        budget,
        batch,
        recipe,
        settings_of(overrides or []),
        classes=classes or (),
        renamed=rename_class or (),
        merged=merge_classes or (),
        prices={name: price for name, price in prices.items() if price is not None},
        notify=settings_of(notify or [], "--notify"),
        no_notify=no_notify,
        samples=WantedSamples(images, embeddings, test, withdraw, watch_images, drop_leaks),
    )
    if erase:
        wanted = _before_erasing(root, wanted)
    done = None
    if not erase or wanted != WantedChanges():
        done = amend_campaign(open_store(root), wanted, reason.strip())
        offer_classes(done.before, done.after)
    facts = {} if done is None else done.amendment.model_dump(mode="json")
    if done is not None and not as_json:
        _print(done, root)
    if erase and withdraw is not None:
        facts["erased"] = _erase(root, withdraw, reason.strip(), as_json)
    if as_json:
        print(json.dumps(facts, indent=2, ensure_ascii=False))


def _before_erasing(root: str, wanted: "WantedChanges") -> "WantedChanges":
    """The changes without a withdrawal that was done before, so that an erasure can be asked for again."""
    from labelcycle.components.core.errors import ConfigurationError
    from labelcycle.components.core.storage import open_store
    from labelcycle.pipelines.amending.withdraw import all_withdrawn

    if wanted.samples.withdraw is None:
        raise ConfigurationError("--erase takes out what --withdraw names. Give --withdraw FILE too.")
    if not all_withdrawn(open_store(root), wanted.samples.withdraw):
        return wanted
    return replace(wanted, samples=replace(wanted.samples, withdraw=None))


def _erase(root: str, file: str, reason: str, as_json: bool) -> dict[str, object]:
    """Erase what a file names; the facts, which are printed for people too."""
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.core.storage.deletion import open_deleter
    from labelcycle.pipelines.amending.erase import erase_samples

    erased = erase_samples(open_store(root), open_deleter(root), file, reason)
    if not as_json:
        changed = f"{len(erased.rewritten)} objects written again, {len(erased.deleted)} replaced or deleted"
        if not erased.rewritten and not erased.deleted:
            changed = "no object has anything of them any more"
        print(f"erased: {erased.samples} {'sample' if erased.samples == 1 else 'samples'}; {changed}")
        print(
            "not erased: what MLflow was given, such as reports with thumbnails, backtests, earlier versions of "
            "objects in the bucket, and backups",
            file=sys.stderr,
        )
    return asdict(erased)


def _print(done: "Amended", root: str) -> None:
    from labelcycle.pipelines.amending.changes_in_words import changes_in_words, counts_in_words

    for line in [*changes_in_words(done.before, done.after), *counts_in_words(done.amendment.counts)]:
        print(line)
    if done.amendment.changes.keys() == {"notify"}:
        print("in force at once")
        return
    if done.at_end:
        print(f"no cycle comes that it is in force for, since the budget of {done.after.budget} is spent: see --budget")
        return
    go_on = f"labelcycle run {shlex.quote(root)}"
    print(f"in force from cycle {done.cycle} on, unless that cycle has begun; continue with: {go_on}")
