"""Who labels: the settings that the user gives, and what they need."""

from collections.abc import Mapping

from pydantic import ValidationError

from labelcycle.components.core.config.labelling import Labelling
from labelcycle.components.core.config.recipe import Recipe, describe
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.initialise.request import Request


def tool_of(url: str | None, **settings: object) -> dict[str, object] | None:
    """The settings of a Label Studio server; None without one.

    Raises:
        ConfigurationError: settings of a server that is not named.
    """
    if url is not None:
        return {"url": url, **settings}
    for name in ("project", "image_server", "image_endpoint"):
        if settings.get(name) is not None:
            flag = "--label-studio-project" if name == "project" else f"--{name.replace('_', '-')}"
            raise ConfigurationError(f"{flag} is about a Label Studio server. Name it with --label-studio.")
    return None


def labelling_of(**settings: object) -> Labelling:
    """Settings given by the user.

    Raises:
        ConfigurationError: one is refused; each is named.
    """
    try:
        return Labelling.model_validate(settings)
    except ValidationError as error:
        raise ConfigurationError(f"The settings of labelling are refused:\n{describe(error)}") from error


def check_labelling(request: Request, recipe: Recipe) -> None:
    """Refuse ways of labelling that the campaign cannot have.

    Raises:
        ConfigurationError: two label sources, a tool without images, or votes where all labels are known.
    """
    labelling = request.labelling
    if recipe.data_selection is not None and labelling != Labelling():
        raise ConfigurationError(
            f"Recipe {recipe.name!r} selects training data whose labels are all known: nobody labels. Leave out "
            "--label-studio, --quorum, --answered-share, --deadline-hours, --consensus and --second-opinions."
        )
    if labelling.tool is None:
        return
    if request.labels_from is not None:
        raise ConfigurationError(
            "--labels-from and --label-studio are two sources of labels. Give one of them; a run can read another file "
            "with labelcycle run --labels-from."
        )
    if request.embeddings is not None:
        raise ConfigurationError("People who label need images to look at. Begin with --images for --label-studio.")


def check_links(labelling: Labelling, uris: Mapping[str, str | None]) -> None:
    """Refuse images that browsers cannot be led to.

    Raises:
        ConfigurationError: the first such image; the remedy is named.
    """
    if labelling.tool is None or not uris:
        return
    from labelcycle.components.labelling.label_studio.image_links import ImageLinks

    ImageLinks(labelling.tool, uris).link(min(uris))
