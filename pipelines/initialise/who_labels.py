"""Who labels: the settings that the user gives, and what they need."""

from collections.abc import Mapping

from labelcycle.components.core.config.labelling import Labelling, LabelStudioTool
from labelcycle.components.core.config.recipe import Recipe
from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings
from labelcycle.pipelines.initialise.query_settings import check_rechecks


def labelling_of(settings: CampaignSettings) -> Labelling:
    """How people label, as the campaign keeps it.

    Raises:
        ConfigurationError: settings of a Label Studio server that is not named.
    """
    return Labelling(
        quorum=settings.quorum,
        share=settings.answered_share,
        deadline_hours=settings.deadline_hours,
        consensus=settings.consensus,
        second_opinions=settings.second_opinions,
        tool=_tool_of(settings),
    )


def _tool_of(settings: CampaignSettings) -> LabelStudioTool | None:
    if settings.label_studio is None:
        for name in ("label_studio_project", "label_studio_predictions", "image_server", "image_endpoint"):
            if getattr(settings, name) not in (None, False):
                flag = f"--{name.replace('_', '-')}"
                raise ConfigurationError(f"{flag} is about a Label Studio server. Name it with --label-studio.")
        return None
    return LabelStudioTool(
        url=settings.label_studio,
        project=settings.label_studio_project,
        images=settings.image_links,
        link_hours=settings.link_hours,
        image_server=settings.image_server,
        image_endpoint=settings.image_endpoint,
        predictions=settings.label_studio_predictions,
    )


def check_labelling(settings: CampaignSettings, labelling: Labelling, recipe: Recipe) -> None:
    """Refuse ways of labelling that the campaign cannot have.

    Raises:
        ConfigurationError: two label sources, a tool without images, or votes where all labels are known.
    """
    if recipe.data_selection is not None and labelling != Labelling():
        raise ConfigurationError(
            f"Recipe {recipe.name!r} selects training data whose labels are all known: nobody labels. Leave out "
            "--label-studio, --quorum, --answered-share, --deadline-hours, --consensus and --second-opinions."
        )
    check_rechecks(recipe, settings.labels_from)
    if labelling.tool is None:
        return
    if settings.labels_from is not None:
        raise ConfigurationError(
            "--labels-from and --label-studio are two sources of labels. Give one of them; a run can read another file "
            "with labelcycle run --labels-from."
        )
    if settings.embeddings is not None:
        raise ConfigurationError("People need images to label. Give --images with --label-studio.")


def check_links(labelling: Labelling, uris: Mapping[str, str | None]) -> None:
    """Refuse images that browsers cannot be led to.

    Raises:
        ConfigurationError: the first such image; the remedy is named.
    """
    if labelling.tool is None or not uris:
        return
    from labelcycle.components.labelling.label_studio.image_links import ImageLinks

    ImageLinks(labelling.tool, uris).link(min(uris))
