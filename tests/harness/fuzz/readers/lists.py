"""Lists in text files: ids, groups, and images to predict."""

from random import Random

from labelcycle.pipelines.initialise.sample_lists import read_groups, read_ids
from labelcycle.pipelines.models.classify_images import images_named
from tests.harness.fuzz.readers.label_files import IDS, csv_mutation
from tests.harness.fuzz.target import Target, file_reader

GROUPS = b"sample_id,group\na.png,north\nsub/b.png,south\nc.png,\n"


def _line_mutation(data: bytes, random: Random) -> bytes:
    lines = data.split(b"\n")
    odd = [b"", b" ", b"../a.png", b"a.png", b"\x00", b"\xff", b"\x0b", b"\xe2\x80\xa8", b"s3://", b"x" * 200_000]
    lines.insert(random.randint(0, len(lines)), random.choice(odd))
    return random.choice((b"\n", b"\r\n", b"\r")).join(lines)


TARGETS = [
    Target(
        "id-list",
        file_reader(lambda path: read_ids(path, IDS), ".txt"),
        (b"a.png\n\nsub/b.png\nc\n", "\ufeffa.png\r\nä d\r\n".encode()),
        _line_mutation,
    ),
    Target("groups-csv", file_reader(lambda path: read_groups(path, IDS), ".csv"), (GROUPS,), csv_mutation),
    Target(
        "image-list",
        file_reader(images_named, ".txt"),
        (b"a.png\nsub/b.png\n/data/c.png\ns3://bucket/d.png\n",),
        _line_mutation,
    ),
]
