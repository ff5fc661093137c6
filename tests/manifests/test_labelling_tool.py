"""Who may reach the labelling tool: the stages that call it, and no other pod."""

import re
from pathlib import Path
from typing import Any

import pytest

from labelcycle.pipelines.graph import STAGES, slug
from tests.manifests.inventory import of_kind, pods, selects
from tests.manifests.kustomizations import Object, render

CALLERS = {slug(stage.name) for stage in STAGES.values() if "labelling" in stage.secrets}
LOCK = Path(__file__).parents[1] / "services" / "label_studio" / "requirements.lock"


def policy(objects: list[Object], name: str) -> dict[str, Any]:
    """What the network policy of this name says."""
    [spec] = [given["spec"] for given in of_kind(objects, "NetworkPolicy") if given["metadata"]["name"] == name]
    return dict(spec)


def selected(objects: list[Object], selector: dict[str, Any]) -> set[str]:
    """The stages among the pods that a selector selects; other pods by what makes them."""
    chosen = [pod for pod in pods(objects) if selects(selector, pod.labels)]
    return {pod.owner.removeprefix("WorkflowTemplate labelcycle-cycle, template ") for pod in chosen}


@pytest.mark.parametrize("overlay", ["argo", "argo-events", "dev", "dev-events"])
def test_only_stages_that_call_the_tool_are_let_out_to_it(overlay: str) -> None:
    objects = render(overlay)
    assert selected(objects, policy(objects, "stages-to-labelling-tool")["podSelector"]) == CALLERS


@pytest.mark.parametrize("overlay", ["dev", "dev-events"])
def test_a_tool_in_the_cluster_is_called_by_these_stages_and_calls_the_event_source_at_most(overlay: str) -> None:
    objects = render(overlay)
    [server] = [pod for pod in pods(objects) if pod.owner == "StatefulSet label-studio"]
    about = [
        given for given in of_kind(objects, "NetworkPolicy") if selects(given["spec"]["podSelector"], server.labels)
    ]
    callers = [peer for given in about for rule in given["spec"].get("ingress", []) for peer in rule["from"]]
    assert [selected(objects, peer["podSelector"]) for peer in callers] == [CALLERS]
    called = {given["metadata"]["name"] for given in about if given["spec"].get("egress")}
    assert called == {"dns"} | ({"label-studio-to-event-source"} if overlay == "dev-events" else set())


def test_browsers_on_the_tools_pages_may_fetch_images() -> None:
    [store] = [pod for pod in pods(render("dev")) if pod.owner == "StatefulSet object-store"]
    [origins] = [given for given in store.containers[0]["args"] if given.startswith("-s3.allowedOrigins=")]
    assert "http://label-studio.labelcycle.svc:8080" in origins.partition("=")[2].split(",")


def environment(overlay: str) -> dict[str, Any]:
    """The variables of Label Studio's container that are not secret."""
    [server] = [pod for pod in pods(render(overlay)) if pod.owner == "StatefulSet label-studio"]
    return {given["name"]: given.get("value") for given in server.containers[0]["env"]}


def test_the_tool_looks_up_nothing_outside() -> None:
    """Without these settings it waits minutes for what a closed network never answers."""
    given = environment("dev")
    assert [given[name] for name in ("LATEST_VERSION_CHECK", "COLLECT_ANALYTICS")] == ["false", "false"]
    assert given["FEATURE_FLAGS_OFFLINE"] == "true"
    assert given["SENTRY_DSN"] == given["FRONTEND_SENTRY_DSN"] == ""


def test_the_tool_may_call_private_addresses_only_where_it_has_a_webhook() -> None:
    assert "USE_DEFAULT_BANNED_SUBNETS" not in environment("dev")
    given = environment("dev-events")
    assert given["USE_DEFAULT_BANNED_SUBNETS"] == "false"
    banned = given["USER_ADDITIONAL_BANNED_SUBNETS"].split(",")
    assert {"127.0.0.0/8", "169.254.0.0/16", "::/127", "fe80::/10"} <= set(banned)
    assert not [block for block in banned if block.startswith(("10.", "172.", "192.168."))]


def test_the_tool_has_the_version_that_is_tested() -> None:
    [server] = [pod for pod in pods(render("dev")) if pod.owner == "StatefulSet label-studio"]
    tested = re.search(r"^label-studio==(\S+)", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    assert tested is not None
    assert server.containers[0]["image"] == f"docker.io/heartexlabs/label-studio:{tested[1]}"
