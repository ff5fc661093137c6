"""Labels given by real clicks in a browser, on images that labelcycle serves, through two cycles."""

import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.pipelines.conftest import COMMAND
from tests.services.label_studio.browser import Labelling, browsing
from tests.services.label_studio.conftest import Labelled, annotate, choice
from tests.services.label_studio.server import LabelStudioServer, Person


@contextmanager
def images_served(root: str, port: int, origin: str) -> Iterator[None]:
    """`labelcycle images` for the length of a block."""
    command = [COMMAND, "images", root, "--port", str(port), "--allow-origin", origin]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ)) as process:
        try:
            assert process.stdout is not None
            assert f":{port}" in process.stdout.readline()
            yield
        finally:
            process.terminate()


def test_clicks_are_votes_and_the_campaign_goes_on(
    begin_labelling: Callable[..., Labelled],
    studio: LabelStudioServer,
    owner: Person,
    colleague: Person,
    browser: Any,
    tmp_path: Path,
) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    labelled = begin_labelling(image_server=f"http://127.0.0.1:{port}", label_studio_predictions=True)
    tasks = labelled.tasks(owner)
    names = [task["data"]["sample_id"] for task in tasks]
    with images_served(labelled.bench.root, port, studio.url), browsing(browser, studio.url, colleague) as page:
        labelling = Labelling(page, labelled.published.project_url)
        labelling.press("3")
        assert labelling.chosen("red")
        labelling.press("2")
        assert labelling.chosen("green")
        assert labelling.image_width() == 32
        labelling.picture(tmp_path / "choice.png")
        labelling.submit()
        assert labelled.said() == {(names[0], colleague.email): "green"}
        labelling.skip()
        labelling.press("n")
        assert labelling.doubted()
        labelling.submit()
        assert labelled.said() == {
            (names[0], colleague.email): "green",
            (names[1], colleague.email): "skip",
            (names[2], colleague.email): "unsure",
        }
        for task in tasks[3:]:
            annotate(owner, task, choice(task["data"]["sample_id"].split("/")[0]))
        committed = labelled.bench.run_cycle()
        assert committed.cycle == 1
        assert labelled.bench.state.summaries[1].labels == 6
        labelling = Labelling(page, labelled.published.project_url)
        first = next(task for task in labelled.tasks(owner) if task["data"]["cycle"] == 1)
        predicted = first["predictions"][0]["result"][0]["value"]["choices"][0]
        assert labelling.chosen(predicted)
        labelling.picture(tmp_path / "prediction.png")
        labelling.submit()
        assert labelled.said()[(first["data"]["sample_id"], colleague.email)] == predicted
