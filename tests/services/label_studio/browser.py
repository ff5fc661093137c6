"""What a person does in a browser that is logged in to Label Studio."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Locator, Page

from tests.services.label_studio.server import Person

SECONDS_A_STEP = 120


@contextmanager
def browsing(browser: Browser, url: str, person: Person) -> Iterator[Page]:
    """A page on which the person has logged in, for the length of a block."""
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    try:
        page.set_default_timeout(SECONDS_A_STEP * 1000)
        page.goto(f"{url}/user/login/")
        page.fill("input[name=email]", person.email)
        page.fill("input[name=password]", person.password)
        page.click("button[type=submit]")
        page.wait_for_url(lambda address: "/user/login" not in address)
        yield page
    finally:
        page.close()


class Labelling:
    """The page on which one task after the other is labelled."""

    def __init__(self, page: Page, project_url: str) -> None:
        self._page = page
        page.goto(f"{project_url}/data?labeling=1")

    def chosen(self, name: str) -> bool:
        """Whether a choice is marked, once the page shows it."""
        choice = self._choice(name)
        choice.wait_for()
        return choice.is_checked()

    def image_width(self) -> int:
        """How wide the image is that the page has loaded, in its own pixels."""
        found = self._page.wait_for_function("() => document.querySelector('.lsf-image img')?.naturalWidth")
        width: int = found.json_value()
        return width

    def press(self, key: str) -> None:
        """Press a key, once the page shows what may be chosen."""
        self._page.locator("input[type=radio]").first.wait_for()
        self._page.keyboard.press(key)

    def doubted(self) -> bool:
        """Whether the choice of those who cannot tell is marked."""
        return self._page.locator('input[type=checkbox][name="unsure"]').is_checked()

    def submit(self) -> None:
        """Click the button that ends a task, and wait until the server has it."""
        with self._page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
        ):
            self._page.get_by_test_id("bottombar-submit-button").click()

    def skip(self) -> None:
        """Click the button that skips a task, and wait until the server has it."""
        with self._page.expect_response(
            lambda answer: "/annotations" in answer.url and answer.request.method == "POST"
        ):
            self._page.get_by_test_id("bottombar-skip-button").click()

    def _choice(self, name: str) -> Locator:
        return self._page.locator(f'input[type=radio][name="{name}"]')

    def picture(self, path: Path) -> None:
        """Keep what the page looks like."""
        self._page.screenshot(path=path)
