"""The threat model points only at what is there."""

import re
from pathlib import Path

PAGE = Path(__file__).parents[2] / "manifests" / "SECURITY.md"


def test_every_file_that_the_page_names_is_there() -> None:
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", PAGE.read_text(encoding="utf-8")) if "://" not in link]
    assert len(links) > 20
    assert [link for link in links if not (PAGE.parent / link).exists()] == []


def test_the_page_names_the_limits_that_the_code_has() -> None:
    from labelcycle.components.core.config.labelling import LINK_HOURS, LONGEST_LINK_HOURS
    from labelcycle.components.core.images.allowed_sources import VARIABLE
    from labelcycle.components.core.images.decode import MAX_PIXELS
    from labelcycle.components.core.images.source import MAX_BYTES

    text = " ".join(PAGE.read_text(encoding="utf-8").split())
    assert VARIABLE in text
    assert f"{MAX_BYTES // 1_000_000} MB and {MAX_PIXELS // 1_000_000} million pixels" in text
    assert (LINK_HOURS, LONGEST_LINK_HOURS) == (24, 168) and "hold for a day" in text and "at most a week" in text
