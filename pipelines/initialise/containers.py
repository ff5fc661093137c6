"""Samples whose images lie in Parquet files, Arrow streams or the shards of WebDataset, which are never unpacked."""

import io
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import PurePosixPath

from labelcycle.components.core.errors import InputError
from labelcycle.components.core.images.inspection import Found, Inspected, inspect_images
from labelcycle.components.core.images.members import ARCHIVE
from labelcycle.components.labelling.label_texts import labels_meant
from labelcycle.components.labelling.sample_ids import fault_of_id
from labelcycle.components.labelling.unlabelled import unlabelled_in_words
from labelcycle.pipelines.initialise.container_contents import Said, opened
from labelcycle.pipelines.initialise.inspected_source import reading_of, refuse_too_many
from labelcycle.pipelines.initialise.reading import Reading
from labelcycle.pipelines.initialise.samples import Samples, labelled_samples

_SPLIT = re.compile(r"(train|validation|valid|val|test)(?![a-z])")
"""What a file's name begins with, as in `test-00000-of-00001.parquet`."""


Reader = Callable[[str, str, Said], Iterator[Found]]
"""The images of a file, by its name without ending, its address, and what it says beside them."""


def samples_from_containers(
    source: str,
    files: dict[str, str],
    max_unreadable_share: float,
    classes: Collection[str] | None = None,
    passed_over: str = "",
) -> Samples:
    """Inspect the images in Parquet files, Arrow streams and shards.

    Where the name of each file, or a folder of it, is a split's, as in `train/00.tar` and `test-00000.parquet`, test is
    the test set, without the images that have no label there, and the others are the pool.

    Args:
        source: what the user named.
        files: address of each file, by its path below the source.
        max_unreadable_share: of the images, so many may be set aside.
        classes: that are named, each of which is a label whatever it is called; None where none are.
        passed_over: what lies beside the files, in words.

    Raises:
        InputError: a file is not what its ending says, holds no images, or says several labels.

    Cost: one reading of the files, from front to back; memory as `inspect_images`, for a page of a Parquet file, and
    for what is known of each image.
    """
    said = Said()
    splits = {name: split_of_file(name) for name in files}
    in_splits = all(splits.values())
    of_test: set[str] = set()

    def images() -> Iterator[Found]:
        for name, uri in sorted(files.items()):
            for image in reader_of(uri)(str(PurePosixPath(name).with_suffix("")), uri, said):
                if in_splits and splits[name] == "test":
                    of_test.add(image.sample_id)
                yield image

    inspected = inspect_images(_with_good_names(images(), said), sum(map(_size_of, files.values())), "byte")
    if not inspected.uris and not inspected.quarantined:
        raise InputError(
            f"{source} holds no images, neither in .tar shards nor in columns of .parquet or .arrow files."
        )
    refuse_too_many(inspected, max_unreadable_share, source)
    _take_captions(said)
    meant = labels_meant(said.places, classes, lambda text: said.places[text])
    labels = {name: label for name, text in said.labels.items() if (label := meant[text])}
    dropped = _drop_unlabelled(inspected, of_test, labels)
    test = {name: "test" for name in of_test if name in labels}
    reading = reading_of(inspected, source, list(said.remarks), passed_over)
    _remark(reading, said, meant, {split for split in splits.values() if in_splits and split}, test, dropped)
    return labelled_samples(inspected, labels, test, reading)


def reader_of(uri: str) -> Reader:
    """What reads a file, by its ending."""
    if uri.lower().endswith(ARCHIVE):
        from labelcycle.pipelines.initialise.shards import images_of_shard

        return images_of_shard
    from labelcycle.pipelines.initialise.image_tables import images_of_table

    return images_of_table


def split_of_file(name: str) -> str:
    """The split that a file's folder or the beginning of its name tells; empty where none does."""
    *folders, last = name.casefold().split("/")
    for folder in folders:
        if found := _SPLIT.fullmatch(folder):
            return found[1]
    return found[1] if (found := _SPLIT.match(last)) else ""


def _size_of(uri: str) -> int:
    with opened(uri) as file:
        return file.seek(0, io.SEEK_END)


def _with_good_names(images: Iterable[Found], said: Said) -> Iterator[Found]:
    """Those whose names can be ids, each once."""
    seen: set[str] = set()
    for image in images:
        if fault_of_id(image.sample_id):
            said.passed_over["images whose name cannot be an id"] += 1
        elif image.sample_id in seen:
            said.passed_over["images by a name that was there before"] += 1
        else:
            seen.add(image.sample_id)
            yield image


def _take_captions(said: Said) -> None:
    """Take texts beside images for classes where nothing else says any, and each text stands beside two on average."""
    if not said.captions or said.labels:
        return
    texts = list(said.captions.values())
    if 2 * len(set(texts)) > len(texts):
        said.remarks["texts beside the images are captions rather than classes, and are not read"] = None
        return
    for name, text in said.captions.items():
        said.label(name, text, f"the text beside {name!r}")


def _drop_unlabelled(inspected: Inspected, of_test: set[str], labels: dict[str, str]) -> int:
    """Leave test images without a label out; how many there are."""
    none = [name for name in inspected.uris if name in of_test and name not in labels]
    for name in none:
        del inspected.uris[name], inspected.digests[name]
    return len(none)


def _remark(
    reading: Reading, said: Said, meant: dict[str, str], splits: set[str], test: dict[str, str], dropped: int
) -> None:
    if pools := sorted(splits - {"test"}):
        reading.remarks.append(f"{' and '.join(pools)} {'is' if len(pools) == 1 else 'are'} the pool")
    if test:
        reading.remarks.append(f"{len(test):,} of the split test are the test set")
    if dropped:
        reading.remarks.append(f"{dropped:,} test images without a label left out")
    none = Counter(text for text in said.labels.values() if not meant[text])
    if any(none):
        reading.remarks.append(unlabelled_in_words(none, len(said.labels)))
    others = [f"{what}: {count:,}" for what, count in said.passed_over.most_common()]
    reading.passed_over = "; ".join([*others, *([reading.passed_over] if reading.passed_over else [])])
