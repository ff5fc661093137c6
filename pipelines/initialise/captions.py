"""The captions of a new campaign's samples: from a file, or made from the class where the pool's labels are known."""

from collections.abc import Mapping

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.components.labelling.label_file import read_texts
from labelcycle.components.labelling.sample_ids import SampleIds
from labelcycle.pipelines.initialise.settings import CampaignSettings

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
        raise ConfigurationError(
            f"--caption-template {template!r} has no {PLACE}, where the class is to stand. Add it."
        )
    captions = {name: (template or TEMPLATE).replace(PLACE, label) for name, label in labels.items()}
    if uri is not None:
        captions |= read_texts(uri, known_ids, "caption")
    return captions if domain is None else {name: _of_domain(text, domain) for name, text in captions.items()}


def _of_domain(caption: str, domain: str) -> str:
    end = "" if caption.endswith((".", "!", "?")) else "."
    return f"{caption}{end} It is a {domain} day."
