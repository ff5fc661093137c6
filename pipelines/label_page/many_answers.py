"""Many answers at once, checked together and written into the CSVs of the open queries: all of them, or none."""

import shlex
import time
from collections.abc import Callable, Mapping

from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.errors import CampaignError, ConfigurationError, InputError, TransientError
from labelcycle.components.core.storage import Store
from labelcycle.components.labelling.delivery_record import delivery_key
from labelcycle.components.labelling.label_spellings import likely_class
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.label_page.answer_sheet import AnswerSheet, PersonsAnswer, read_sheet
from labelcycle.pipelines.label_page.open_queries import OpenQueries
from labelcycle.pipelines.label_page.session import GIVEN, TRIES

SECONDS_BETWEEN_TRIES = 0.05


def write_answers(
    store: Store, root: str, queries: OpenQueries, answers: Mapping[str, PersonsAnswer]
) -> dict[str, PersonsAnswer]:
    """Write answers into the CSVs of the queries that ask for them; those of the same person are replaced.

    Args:
        store: the campaign's.
        root: as the user wrote it, for messages.
        queries: those that are open.
        answers: by what the sample is called.

    Returns:
        The answers by the samples' ids.

    Raises:
        InputError: a sample that is not asked about, a class or status that is none, or a CSV that is damaged.
        ConfigurationError: several people label, and an answer does not say whose it is.
        TransientError: the store does not answer, or others write without a pause.

    Cost: the CSV of each query is read and written once.
    """
    ids = SampleIds(lambda: sample_uris(store, queries.campaign), {request.sample_id for request in queries.asked})
    by_sample = _checked(queries, ids, answers)
    by_cycle: dict[int, dict[str, PersonsAnswer]] = {}
    for request in queries.asked:  # the last query first
        if request.sample_id in by_sample and not any(request.sample_id in found for found in by_cycle.values()):
            by_cycle.setdefault(request.cycle, {})[request.sample_id] = by_sample[request.sample_id]
    sheets = {cycle: _sheet(store, root, queries, ids.resolve, cycle) for cycle in by_cycle}
    for cycle, given in by_cycle.items():
        _write(store, root, queries, ids.resolve, cycle, given, sheets[cycle])
    return by_sample


def answers_so_far(store: Store, root: str, queries: OpenQueries) -> dict[tuple[int, str], PersonsAnswer]:
    """The first answer that the CSVs of the open queries hold, by cycle and sample.

    Raises:
        InputError: a CSV is damaged.
        CampaignError: a CSV is gone.
    """
    ids = SampleIds(lambda: sample_uris(store, queries.campaign), {request.sample_id for request in queries.asked})
    found: dict[tuple[int, str], PersonsAnswer] = {}
    for cycle in {request.cycle for request in queries.asked}:
        _, sheet = _sheet(store, root, queries, ids.resolve, cycle)
        found |= {(cycle, sample_id): answers[0] for sample_id, answers in sheet.answers.items()}
    return found


def _checked(queries: OpenQueries, ids: SampleIds, answers: Mapping[str, PersonsAnswer]) -> dict[str, PersonsAnswer]:
    """The answers by sample id, once nothing speaks against any of them."""
    campaign, asked = queries.campaign, {request.sample_id for request in queries.asked}
    several = campaign.labelling.quorum > 1 or campaign.labelling.second_opinions > 0
    found: dict[str, PersonsAnswer] = {}
    for name, answer in answers.items():
        sample_id = ids.resolve(name)
        if sample_id is None:
            raise InputError(f"There is no sample {name!r}. Nothing was taken in; correct its id.")
        if sample_id not in asked:
            raise InputError(
                f"Sample {name!r} is not asked about. Nothing was taken in; leave it out, or give it to the campaign "
                "as a known label when it begins."
            )
        if sample_id in found:
            raise InputError(f"Sample {sample_id!r} is answered twice. Nothing was taken in; answer each once.")
        if answer.status not in GIVEN:
            raise InputError(
                f"Sample {name!r}: {answer.status!r} is no status. Nothing was taken in; there are {', '.join(GIVEN)}."
            )
        if answer.status == "ok" and answer.label not in campaign.understood_classes:
            raise InputError(
                f"Sample {name!r}: {answer.label!r} is no class.{likely_class(answer.label, campaign.classes)} Nothing "
                f"was taken in; the classes are {', '.join(campaign.classes)}."
            )
        if several and not answer.annotator:
            raise ConfigurationError("Several people label this campaign: say whose answers these are, as `annotator`.")
        found[sample_id] = answer
    return found


def _sheet(
    store: Store, root: str, queries: OpenQueries, sample_of: Callable[[str], str | None], cycle: int
) -> tuple[bytes, AnswerSheet]:
    key = delivery_key(cycle)
    try:
        data = store.read(key)
    except FileNotFoundError as error:
        raise CampaignError(
            f"{store.locate(key)} is gone. Restore it, or write it anew: labelcycle publish {shlex.quote(root)}"
        ) from error
    return data, read_sheet(data, store.locate(key), sample_of, queries.campaign.understood_classes)


def _write(
    store: Store,
    root: str,
    queries: OpenQueries,
    sample_of: Callable[[str], str | None],
    cycle: int,
    answers: Mapping[str, PersonsAnswer],
    read: tuple[bytes, AnswerSheet],
) -> None:
    before, sheet = read
    for _ in range(TRIES):
        for sample_id, answer in answers.items():
            sheet = sheet.with_answer(sample_id, answer)
        if store.write_if_unchanged(delivery_key(cycle), sheet.as_bytes(), before):
            return
        time.sleep(SECONDS_BETWEEN_TRIES)
        before, sheet = _sheet(store, root, queries, sample_of, cycle)
    raise TransientError(f"Others write {sheet.address} without a pause. Try once more.")
