"""The labelling tool of a campaign whose classes were amended: people are offered the present ones at once."""

from labelcycle.components.core.campaign.campaign import Campaign
from labelcycle.components.core.errors import LabelcycleError
from labelcycle.components.core.runtime.observation import notice


def offer_classes(before: Campaign, after: Campaign) -> None:
    """Give the project of the campaign its present classes; a failure is a notice, since the next run does so too.

    Args:
        before: the campaign without the amendment.
        after: the campaign with it.

    Cost: nothing where the classes stay, or people label in files; else a few calls to the tool.
    """
    tool = after.labelling.tool
    if tool is None or (before.classes, before.former_classes) == (after.classes, after.former_classes):
        return
    from labelcycle.components.labelling.label_studio.client import LabelStudio
    from labelcycle.components.labelling.label_studio.project import find_project
    from labelcycle.components.labelling.label_studio.tokens import token_from_environment

    try:
        find_project(LabelStudio(tool.url, token_from_environment()), after)
    except LabelcycleError as error:
        notice(f"People are offered the classes as they were amended with the next run: {error}")
