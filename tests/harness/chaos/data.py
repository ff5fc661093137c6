"""Tiny data that every campaign of the harness begins with: pictures, embeddings, and a text encoder for captions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLASSES = ("blue", "green", "red")
A_CLASS = 12
TESTED = 3
KNOWN = 6


@dataclass(frozen=True)
class Data:
    """A folder with all of it."""

    folder: Path

    @property
    def images(self) -> Path:
        return self.folder / "images"

    @property
    def labels(self) -> Path:
        return self.folder / "labels.csv"

    @property
    def known(self) -> Path:
        """Labels that a campaign may begin with, some of them wrong."""
        return self.folder / "known.csv"

    @property
    def test(self) -> Path:
        return self.folder / "test.csv"

    @property
    def embeddings(self) -> Path:
        return self.folder / "embeddings.npz"

    @property
    def more_embeddings(self) -> Path:
        """Rows that join a campaign on the others later."""
        return self.folder / "more.npz"

    @property
    def withdrawn(self) -> Path:
        """Ids of embeddings that are taken out later, one of the test set among them."""
        return self.folder / "withdrawn.txt"

    @property
    def text_encoder(self) -> Path:
        return self.folder / "text-encoder"


def truth(sample_id: str) -> str:
    """The class of a picture, which its name begins with."""
    return sample_id.partition("/")[0]


def make_data(folder: Path, text_encoder: bool = True) -> None:
    """Write everything, the same in every place; the text encoder, whose libraries take seconds, only if wanted."""
    data = Data(folder)
    _make_pictures(data)
    _make_embeddings(data)
    if text_encoder:
        make_text_encoder(data)


def _make_pictures(data: Data) -> None:
    from PIL import Image

    generator = np.random.default_rng(0)
    names = [f"{name}/{index:02d}.png" for name in CLASSES for index in range(A_CLASS)]
    for sample_id in names:
        pixels = generator.integers(0, 150, (32, 32, 3), dtype=np.uint8)
        pixels[..., CLASSES.index(truth(sample_id))] += 60
        path = data.images / sample_id
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(path)
    tested = [name for name in names if int(name[-6:-4]) < TESTED]
    for path, listed in ((data.labels, names), (data.test, tested)):
        path.write_text("sample_id,label\n" + "".join(f"{name},{truth(name)}\n" for name in listed))
    known = [name for name in names if TESTED <= int(name[-6:-4]) < TESTED + KNOWN]
    said = [CLASSES[row % len(CLASSES)] if row % (KNOWN + 1) == 1 else truth(name) for row, name in enumerate(known)]
    rows = [f"{name},{label}\n" for name, label in zip(known, said, strict=True)]
    data.known.write_text("sample_id,label\n" + "".join(rows))


def _make_embeddings(data: Data) -> None:
    generator = np.random.default_rng(1)
    labels = np.repeat(CLASSES, A_CLASS)
    centres = np.repeat(np.eye(3, 8), A_CLASS, axis=0) * 2
    np.savez(
        data.embeddings,
        ids=np.array([f"{name}-{row:02d}" for row, name in enumerate(labels)]),
        features=(centres + generator.normal(size=(len(labels), 8))).astype(np.float32),
        labels=labels,
        splits=np.where(np.arange(len(labels)) % A_CLASS < TESTED, "test", "pool"),
    )
    np.savez(
        data.more_embeddings,
        ids=np.array(["amber-00", "blue-99", "zinc-00"]),
        features=(np.eye(3, 8) * 3 + generator.normal(size=(3, 8))).astype(np.float32),
        labels=np.array(CLASSES),
        splits=np.array(["pool", "pool", "test"]),
    )
    data.withdrawn.write_text("blue-05\ngreen-12\nred-30\n")


def make_text_encoder(data: Data) -> None:
    """Write a tiny text encoder of random weights that knows a few words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast

    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "photo", "of", ".", *CLASSES]
    BertTokenizerFast(vocab={word: number for number, word in enumerate(words)}).save_pretrained(data.text_encoder)
    torch.manual_seed(0)
    sizes = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 16}
    BertModel(BertConfig(vocab_size=len(words), max_position_embeddings=32, **sizes)).save_pretrained(data.text_encoder)
