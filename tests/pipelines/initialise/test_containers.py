"""Images inside Parquet files and the shards of WebDataset."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from labelcycle.components.core.campaign.pool import sample_uris
from labelcycle.components.core.config.labelling import LabelStudioTool
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, InputError
from labelcycle.components.core.images.source import read_unchanged_image
from labelcycle.components.core.storage import open_store
from labelcycle.components.labelling.label_studio.image_links import ImageLinks
from labelcycle.components.publish.query_thumbnails import read_thumbnails
from labelcycle.pipelines.image_server.server import served_images
from labelcycle.pipelines.initialise.samples import Samples
from tests.pipelines.initialise.conftest import picture, shard, table

Lay = Callable[..., str]
Read = Callable[..., Samples]
Write = Callable[[str, bytes], Path]

MEMBER = 2 * 512
"""Bytes of a small file in a tar archive: its header and its content."""


def images(count: int) -> list[dict[str, object]]:
    """Images as Hugging Face's datasets lay them; the first has no name."""
    return [{"bytes": picture(number), "path": f"x/{number}.png" if number else None} for number in range(count)]


def named_classes(*names: str) -> dict[str, str]:
    features = {"image": {"_type": "Image"}, "label": {"names": list(names), "_type": "ClassLabel"}}
    return {"huggingface": json.dumps({"info": {"features": features}})}


def line_of(samples: Samples) -> str:
    assert samples.reading is not None
    return samples.reading.line


def check_addresses(samples: Samples) -> None:
    """Every image is read where it lies, in any order."""
    for name, uri in sorted(samples.uris.items(), reverse=True):
        assert uri is not None
        assert digest_of_bytes(read_unchanged_image(uri, samples.sha256[name])) == samples.sha256[name]


def test_parquet_as_hugging_face_lays_it(lay: Lay, read: Read) -> None:
    columns = {"image": images(5), "label": [1, 0, -1, 1, 0], "width": [8] * 5}
    data = table(columns, named_classes("cat", "dog"), row_group_size=2)
    root = lay(others={"data/train-00000-of-00001.parquet": data, "README.md": b""})
    samples = read(root)
    assert list(samples.uris)[:2] == [f"data/train-00000-of-00001/{name}" for name in ("0000000", "0000001/1.png")]
    assert list(samples.labels.values()) == ["dog", "cat", "dog", "cat"] and samples.labels_known
    assert next(iter(samples.uris.values())) == f"{root}/data/train-00000-of-00001.parquet#image:0"
    assert "columns that are not read: width; train is the pool" in line_of(samples)
    assert "passed over files with other endings: .md 1" in line_of(samples)
    check_addresses(samples)


def test_a_dataset_that_was_saved_on_disk(lay: Lay, read: Read) -> None:
    saved = pa.table({"image": images(5), "label": [1, 0, -1, 1, 0]}).replace_schema_metadata(
        named_classes("cat", "dog")
    )
    file = io.BytesIO()
    with pa.ipc.new_stream(file, saved.schema) as writer:
        writer.write_table(saved, max_chunksize=2)
    others = {"train/data-00000-of-00001.arrow": file.getvalue(), "train/state.json": b"{}", "dataset_dict.json": b"{}"}
    samples = read(lay(others=others))
    assert list(samples.uris)[1] == "train/data-00000-of-00001/0000001/1.png"
    assert list(samples.labels.values()) == ["dog", "cat", "dog", "cat"] and samples.labels_known
    check_addresses(samples)


def test_streams_that_are_refused(read: Read, write: Write) -> None:
    with pytest.raises(InputError, match="one.arrow cannot be read as its ending says"):
        read(write("one.arrow", b"no stream of any kind"))


def test_splits_by_the_names_of_files(lay: Lay, read: Read) -> None:
    train = table({"img": images(3), "label": ["a", "b", "a"]})
    test = table({"img": images(3)[:2], "label": ["b", None]})
    samples = read(lay(others={"train-0.parquet": train, "test-0.parquet": test}))
    assert samples.splits == {"test-0/0000000": "test"} and not samples.labels_known
    assert "1 of the split test are the test set; 1 test images without a label left out" in line_of(samples)


def test_a_column_of_bytes_and_its_faults(read: Read, write: Write) -> None:
    columns = {"id": [1, 2, 3], "jpg": [picture(0), b"no image", None]}
    samples = read(write("one.parquet", table(columns)), max_unreadable=0.7)
    assert list(samples.uris) == ["one/0000000"]
    assert "set aside 2: not an image of a format that is read 1, empty file 1" in line_of(samples)


@pytest.mark.parametrize(
    ("label", "metadata", "message"),
    [
        ([2, 0], named_classes("cat", "dog"), "row 1: label 2 is not among the 2 names of classes"),
        ([["a", "b"], ["a"]], None, "its labels are lists or objects, but labelcycle is for one label an image"),
    ],
)
def test_labels_that_are_refused(
    read: Read, write: Write, label: list[Any], metadata: dict[str, str] | None, message: str
) -> None:
    with pytest.raises(InputError, match=message):
        read(write("one.parquet", table({"image": images(2), "label": label}, metadata)))


def test_images_that_a_table_only_names(read: Read, write: Write) -> None:
    write("data/a/1.png", picture(0))
    image = pa.array([{"bytes": None, "path": "a/1.png"}], pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    samples = read(write("data/one.parquet", table({"image": image, "label": ["cat"]})))
    assert samples.labels == {"one/0000000/1.png": "cat"}
    assert str(samples.uris["one/0000000/1.png"]).endswith("/data/a/1.png")
    check_addresses(samples)


def test_classes_by_name_and_by_number(lay: Lay, read: Read) -> None:
    one = table({"image": images(2), "label": [0, 1]}, named_classes("cat", "dog"))
    files = {"a.parquet": one, "b.parquet": table({"image": images(3)[2:], "label": [0]})}
    with pytest.raises(InputError, match=r"a.parquet names its classes, but .*b.parquet only numbers them"):
        read(lay(others=files))


def test_two_columns_of_classes(read: Read, write: Write) -> None:
    features = {name: {"names": ["a", "b"], "_type": "ClassLabel"} for name in ("fine", "coarse")}
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    samples = read(write("one.parquet", table({"image": images(2), "fine": [0, 1], "coarse": [0, 1]}, metadata)))
    assert not samples.labels and "the columns fine, coarse all say a class" in line_of(samples)


def test_shards_of_webdataset(lay: Lay, read: Read) -> None:
    first = {"a/1.cls": b"cat\n", "a/1.png": picture(0), "a/2.png": picture(1), "a/2.json": b'{"label": "dog"}'}
    second = {
        "b.left.png": picture(2),
        "b.right.png": picture(3),
        "b.wav": b"",
        "__index__.json": b"{}",
        "c.cls": b"cat",
    }
    root = lay(others={"000.tar": shard(first), "001.tar": shard(second)})
    samples = read(root)
    assert list(samples.uris) == ["000/a/1.png", "000/a/2.png", "001/b.left.png"]
    assert samples.labels == {"000/a/1.png": "cat", "000/a/2.png": "dog"} and samples.labels_known
    assert samples.uris["000/a/1.png"] == f"{root}/000.tar#1536+{len(picture(0))}"
    assert "members ending in .wav: 1" in line_of(samples) and "further images of a sample: 1" in line_of(samples)
    assert "labels without an image: 1" in line_of(samples)
    check_addresses(samples)


def test_texts_beside_images_are_classes_or_captions(read: Read, write: Write) -> None:
    members = {f"{number}.{kind}": picture(number) for number in range(4) for kind in ("png",)}
    classes = {f"{number}.txt": b"cat" if number % 2 else b"dog" for number in range(4)}
    both = dict(sorted((members | classes).items()))
    assert list(read(write("classes.tar", shard(both))).labels.values()) == ["dog", "cat"] * 2
    captions = {f"{number}.txt": f"a photo {number}".encode() for number in range(4)}
    samples = read(write("captions.tar", shard(dict(sorted((members | captions).items())))))
    assert not samples.labels and "are captions rather than classes" in line_of(samples)


def claiming(size: int) -> bytes:
    """The header of a member that says it has attributes of so many bytes, and none of them."""
    info = tarfile.TarInfo("attributes")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.GNU_FORMAT) + bytes(MEMBER)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(shard({"1.png": picture(0)})), "one.tar is compressed, so that .* Unpack it: gunzip."),
        (b"no archive" * 100, "cannot be read as a tar archive"),
        (shard({"1.png": picture(0)})[:600], "cannot be read as a tar archive: unexpected end of data"),
        (shard({"1.png": picture(0)})[:MEMBER] + claiming(1 << 60), "a header speaks of more than fits into memory"),
        (
            shard({"1.png": picture(0), "1.cls": b"cat"})[:MEMBER],
            "ends at byte 1,024 without the empty blocks that end",
        ),
        (shard({"1.png": picture(0), "1.cls": b"cat"})[: MEMBER + 100], "ends at byte 1,124 without the empty blocks"),
        (shard({"1.png": picture(0)})[:MEMBER] + b"x" * MEMBER, "is damaged at byte 1,024, where no file begins"),
        (shard({"1.png": picture(0), "1.json": b"{"}), "one/1.png: its .json cannot be read"),
        (shard({"1.png": picture(0), "1.json": b'{"label": [1, 2]}'}), "but labelcycle is for one label an image"),
        (shard({"1.png": picture(0), "1.cls": b"\xff"}), "its class is no UTF-8 text"),
        (shard({"1.txt": b"cat"}), "holds no images, neither in .tar shards nor"),
    ],
    ids=[
        "gzip",
        "no tar",
        "cut",
        "more than memory",
        "cut before a header",
        "cut in a header",
        "no header",
        "json",
        "several",
        "bytes",
        "none",
    ],
)
def test_shards_that_are_refused(read: Read, write: Write, content: bytes, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read(write("one.tar", content))


def test_shards_that_were_cut_anywhere(lay: Lay, read: Read) -> None:
    root = lay(others={"000.tar": shard({"1.png": picture(0)}), "001.tar": shard({"2.png": picture(1)})[:MEMBER]})
    with pytest.raises(InputError, match="001.tar ends at byte 1,024 without the empty blocks"):
        read(root)


def test_flags_for_folders(read: Read, write: Write) -> None:
    path = write("one.tar", shard({"1.png": picture(0)}))
    for source in (path, path.parent):
        with pytest.raises(ConfigurationError, match="--folder-labels is about folders of image files"):
            read(source, folder_labels=True)


def test_a_folder_of_images_passes_shards_over(lay: Lay, read: Read) -> None:
    samples = read(lay("a.png", others={"000.tar": shard({"1.png": picture(0)}), "x.parquet": table({"a": [1]})}))
    assert list(samples.uris) == ["a.png"] and "other endings: .parquet 1, .tar 1" in line_of(samples)


def test_a_parquet_file_without_images(lay: Lay, read: Read) -> None:
    with pytest.raises(
        InputError, match=r"holds no image .*passed over|Passed over: files with other endings: .parquet 1"
    ):
        read(lay(others={"x.parquet": table({"a": [1]})}))


@pytest.mark.parametrize("kind", ["tar", "parquet"])
def test_a_campaign_embeds_trains_and_shows_images_where_they_lie(
    begin_on_small_network: Callable[..., Any], pictures: Any, write: Write, kind: str
) -> None:
    names = [path.relative_to(pictures.images).as_posix() for path in sorted(pictures.images.rglob("*.png"))]
    content = {name: (pictures.images / name).read_bytes() for name in names}
    if kind == "tar":
        members = {}
        for name, data in content.items():
            members |= {name: data, name.replace(".png", ".cls"): name.partition("/")[0].encode()}
        path = write("all.tar", shard(members))
    else:
        rows = [{"bytes": data, "path": name} for name, data in content.items()]
        labels = [name.partition("/")[0] for name in names]
        path = write("all.parquet", table({"image": rows, "label": labels}, row_group_size=16))
    campaign = begin_on_small_network(images=str(path), labels_from=None, test=None, test_share=0.2, batch=6, budget=12)
    assert campaign.run_cycle().query_size == 6
    assert campaign.run_until("train_adapter")
    assert len(campaign.work.labelled()) == 6
    served = served_images(open_store(campaign.root), campaign.state.campaign)
    assert len(served.digests) == 60
    for name in served.digests:
        assert served.read(name) in content.values() and name.startswith(f"all.{kind}#")
    uris = sample_uris(open_store(campaign.root), campaign.state.campaign)
    thumbnails = read_thumbnails(list(uris)[::-7], uris)
    assert all(thumbnail.picture is not None for thumbnail in thumbnails.values())


def test_no_link_leads_into_an_object(s3_root: str) -> None:
    tool = LabelStudioTool(url="http://there", project=None)
    links = ImageLinks(tool, {"a": f"{s3_root}/000.tar#1536+20", "b": f"{s3_root}/x.parquet#image:3"})
    for name in ("a", "b"):
        with pytest.raises(ConfigurationError, match="lies within .*, of which no link shows a part"):
            links.link(name)
