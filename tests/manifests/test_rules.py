"""Every overlay keeps to every rule."""

import pytest

from tests.manifests.kustomizations import OVERLAYS, render
from tests.manifests.rules.all_rules import RULES, Rule


@pytest.mark.parametrize("overlay", ["base", *OVERLAYS])
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: str(rule.__name__))
def test_overlay_keeps_to_rule(overlay: str, rule: Rule) -> None:
    assert rule(render(overlay)) == []
