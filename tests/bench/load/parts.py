"""What steps run in processes of their own: `python -m tests.bench.load.parts PART ARGUMENTS`."""

import csv
import io
import json
import sys
from collections.abc import Callable
from dataclasses import replace

import numpy as np


def embeddings(path: str, rows: str, width: str) -> None:
    """Write a file of embeddings; only the test samples have labels."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from tests.bench.load.large_pool import CLASSES

    generator = np.random.default_rng(0)
    feature = pa.list_(pa.float16(), int(width))
    schema = pa.schema(
        [("sample_id", pa.string()), ("feature", feature), ("label", pa.string()), ("split", pa.string())]
    )
    centres = generator.normal(size=(CLASSES, int(width))).astype(np.float32)
    with pq.ParquetWriter(path, schema) as writer:
        for start in range(0, int(rows), 50_000):
            numbers = np.arange(start, min(start + 50_000, int(rows)))
            noise = generator.standard_normal((len(numbers), int(width)), dtype=np.float32)
            values = (centres[numbers % CLASSES] + 2 * noise).astype(np.float16)
            test = numbers % 100 == 0
            columns = [
                pa.array([sample_id(number) for number in numbers]),
                pa.FixedSizeListArray.from_arrays(pa.array(values.ravel()), type=feature),
                pa.array(
                    [label_of(number // 100) if held else None for number, held in zip(numbers, test, strict=True)]
                ),
                pa.array(np.where(test, "test", "pool").tolist()),
            ]
            writer.write_table(pa.table(columns, schema=schema))


def sample_id(number: int) -> str:
    """`images/000000007.jpg`."""
    return f"images/{number:09d}.jpg"


def label_of(number: int) -> str:
    """A class."""
    from tests.bench.load.large_pool import CLASSES

    return f"class {number % CLASSES}"


def answers(root: str, place: str, files: str) -> None:
    """Answer the first query: as one CSV, one Parquet file and so many small files, a third of each kind."""
    import pyarrow as pa

    from labelcycle.components.core.storage import open_store
    from labelcycle.components.core.storage.concurrent_reads import concurrently
    from labelcycle.components.core.storage.tables import table_bytes
    from labelcycle.components.labelling.delivery_record import delivery_key

    rows = csv.DictReader(io.StringIO(open_store(root).read(delivery_key(0)).decode()))
    names = [row["sample_id"] for row in rows]
    labels = [label_of(number) for number in range(len(names))]
    lines = [f"{name},{label}\n" for name, label in zip(names, labels, strict=True)]
    store = open_store(place)
    store.write("one.csv", ("sample_id,label\n" + "".join(lines)).encode())
    store.write("one.parquet", table_bytes(pa.table({"sample_id": names, "label": labels})))

    def small(number: int) -> tuple[str, bytes]:
        mine = slice(number * len(names) // int(files), (number + 1) * len(names) // int(files))
        few = list(zip(names[mine], labels[mine], strict=True))
        if number % 3 == 0:
            return f"{number:06d}.csv", ("sample_id,label\n" + "".join(lines[mine])).encode()
        if number % 3 == 1:
            text = "".join(json.dumps({"sample_id": name, "label": label}) + "\n" for name, label in few)
            return f"{number:06d}.jsonl", text.encode()
        return f"{number:06d}.parquet", table_bytes(pa.table({"sample_id": names[mine], "label": labels[mine]}))

    concurrently(lambda number: store.write(*in_folder(small(number))), range(int(files)))


def in_folder(file: tuple[str, bytes]) -> tuple[str, bytes]:
    """The same file in the folder of many."""
    return f"many/{file[0]}", file[1]


def select(root: str, work: str, strategy: str) -> None:
    """Gather candidates and choose by another strategy than the campaign's, as the select stage does."""
    from labelcycle.components.core.campaign.attempt import open_attempt
    from labelcycle.components.select import STRATEGIES, select_batch
    from labelcycle.components.select.gathering import gather_candidates

    cycle, attempt = json.loads(work)
    opened = open_attempt(root, int(cycle), attempt)
    opened = replace(opened, decision=opened.decision.model_copy(update={"action": "train"}))
    chosen = STRATEGIES[strategy]
    pool = gather_candidates(opened, chosen.reads_with({}), 1, chosen)
    picks = select_batch(strategy, pool, opened.decision.query_size, opened.campaign.seed)
    assert len(set(picks.ids.tolist())) == opened.decision.query_size


def history(root: str, embeddings: str, answers: str, cycles: str, batch: str) -> None:
    """Write a campaign of many cycles, and print how many bytes of what kind it has."""
    from tests.bench.load.written_history import write_history

    print(json.dumps(write_history(root, embeddings, answers, int(cycles), int(batch))))


def judge(root: str) -> None:
    """Judge every model, as the first tracking of a campaign does."""
    from labelcycle.components.core.campaign.state import read_state
    from labelcycle.components.core.storage import open_store
    from labelcycle.components.tracking.promoting import judge_new_cycles

    store = open_store(root)
    state = read_state(store)
    history = judge_new_cycles(store, state)
    assert len(history.promotions) == sum("head" in commit.objects for commit in state.commits)


def tracked(root: str) -> None:
    """Let MLflow have a finished run and a registered version for every cycle, without their files."""
    from tests.bench.load.written_tracking import write_tracking

    write_tracking(root)


def track(root: str) -> None:
    """Track the campaign, where MLflow has everything."""
    from labelcycle.components.tracking import track_campaign

    logged = track_campaign(root)
    assert logged == [], logged


PARTS: list[Callable[..., None]] = [embeddings, answers, select, history, judge, tracked, track]

if __name__ == "__main__":
    {part.__name__: part for part in PARTS}[sys.argv[1]](*sys.argv[2:])
