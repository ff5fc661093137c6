"""The cron workflow that prunes a campaign: what no commit needs goes, a day after it was last written to.

It has a secret of its own, since stages have no right to delete. It takes no lock: pruning looks at nothing of the
cycle under way.
"""

from hera.workflows import Container, CronWorkflow, Parameter

from labelcycle.pipelines.argo.pod import command_settings, labels
from labelcycle.pipelines.argo.rendering import ROOT, Rendering
from labelcycle.pipelines.argo.workflow import cron_settings, workflow_settings
from labelcycle.pipelines.cluster import PRUNING_SECRET, SETTINGS_MAP
from labelcycle.pipelines.profiles.profile import Placement

PRUNE = "labelcycle-prune"

SUNDAY_NIGHT = "30 2 * * 0"

PLACEMENT = Placement(
    cpu="250m", memory="512Mi", cpu_limit="1", memory_limit="1Gi", retries=2, backoff_seconds=60, timeout_seconds=3600
)
"""Listing and deleting; nothing that is listed is read."""


def retention(rendering: Rendering) -> CronWorkflow:
    """The cron workflow, suspended until somebody resumes it; what it keeps are parameters."""
    parameters = [
        Parameter(name="root", value=rendering.root, description="The campaign's S3 prefix."),
        Parameter(name="keep_spaces", value="1", description="Of how many of the last cycles to keep the features."),
        Parameter(name="older_than", value="24", description="Hours: what was written within them is kept."),
        Parameter(
            name="storage_secret", value=PRUNING_SECRET, description="Secret with credentials that may delete objects."
        ),
        Parameter(name="settings_map", value=SETTINGS_MAP, description="ConfigMap with the object store's address."),
    ]
    return CronWorkflow(
        name=PRUNE,
        labels=labels("retention"),
        entrypoint="prune",
        arguments=parameters,
        templates=[_prune(rendering)],
        **cron_settings(SUNDAY_NIGHT, suspended=True),
        **workflow_settings("retention"),
    )


def _prune(rendering: Rendering) -> Container:
    settings = command_settings("retention", PLACEMENT, ("storage",))
    return Container(
        name="prune",
        image=rendering.image,
        command=["labelcycle", "prune"],
        args=[
            *(ROOT, "--yes", "--json"),
            *("--keep-spaces", "{{workflow.parameters.keep_spaces}}"),
            *("--older-than", "{{workflow.parameters.older_than}}"),
        ],
        **settings,
    )
