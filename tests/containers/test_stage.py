"""One stage by `docker run`, as strict as a cluster is: a read-only root, and a user that the image does not know."""

import json
from collections.abc import Callable

from tests.containers.conftest import Work
from tests.containers.engine import Engine

USER = 12345
STRICT = ["--rm", "--read-only", "--tmpfs=/tmp", "--cap-drop=ALL", "--security-opt=no-new-privileges", "--network=none"]


def mounted(work: Work) -> list[str]:
    return [
        f"--mount=type=bind,source={path},target={path}" + (",readonly" if read_only else "")
        for path, read_only in work.mounts.items()
    ]


def test_label_ingest_decides(image: str, container_engine: Engine, begin_for: Callable[[int], Work]) -> None:
    work = begin_for(USER)
    stage = ["stage", "label_ingest", "--root", str(work.root)]
    done = container_engine.run("run", *STRICT, f"--user={work.user}", *mounted(work), image, "labelcycle", *stage)
    facts = json.loads(done.stdout)
    assert (facts["decision"], facts["cycle"]) == ("cold_start", 0)

    # The word labelcycle may be left out.
    again = container_engine.run("run", *STRICT, f"--user={work.user}", *mounted(work), image, *stage)
    assert json.loads(again.stdout) == facts


def test_stage_without_a_campaign_says_so(image: str, container_engine: Engine) -> None:
    done = container_engine.run("run", *STRICT, image, "stage", "label_ingest", "--root", "/tmp/none", check=False)
    assert done.returncode == 1
    assert "No campaign at /tmp/none" in done.stderr


def test_unknown_command_is_a_usage_error(image: str, container_engine: Engine) -> None:
    done = container_engine.run("run", *STRICT, image, "ingest", check=False)
    assert done.returncode == 1
    assert "Usage: labelcycle" in done.stderr
    assert "No such command 'ingest'" in done.stderr


def test_no_command_is_the_help(image: str, container_engine: Engine) -> None:
    assert "Usage: labelcycle" in container_engine.run("run", *STRICT, image).stdout
