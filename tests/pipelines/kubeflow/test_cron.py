"""Times of schedules: what the server would misread or refuse is refused here, with the remedy."""

import pytest

from labelcycle.components.core.errors import ConfigurationError
from labelcycle.pipelines.kubeflow.schedule import checked_cron, seconds_of


@pytest.mark.parametrize(
    "expression",
    [
        "0 0 6 * * *",
        "0 */15 * * * ?",
        "30 0 9 ? * 2-6",
        "0 0 9-17/2 1,15 JAN-jun MON,Wed",
        "0 59 23 31 12 0",
        "0 5/10 * * * *",
    ],
)
def test_what_the_server_takes(expression: str) -> None:
    assert checked_cron(expression) == expression


def test_spaces_are_made_single() -> None:
    assert checked_cron(" 0  0 6 * *\t* ") == "0 0 6 * * *"


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 6 * * *", "write '0 0 6 \\* \\* \\*'"),
        ("@daily", "1 fields"),
        ("", "0 fields"),
        ("0 0 6 * * * 2026", "7 fields"),
        ("* * * * * *", "every few seconds"),
        ("*/10 * * * * *", "every few seconds"),
        ("60 0 6 * * *", "second"),
        ("0 60 6 * * *", "minute"),
        ("0 0 24 * * *", "hour"),
        ("0 0 6 0 * *", "day of the month"),
        ("0 0 6 * 13 *", "month"),
        ("0 0 6 * * 7", "day of the week"),
        ("0 0 6 * * MONDAY", "day of the week"),
        ("0 0 6-4 * * *", "hour"),
        ("0 0 6,, * * *", "hour"),
        ("0 0 */0 * * *", "hour"),
        ("0 0 1/x * * *", "hour"),
        ("0 0 -1 * * *", "hour"),
        ("0 0 ²  * * *", "hour"),
        ("0 0 six * * *", "hour"),
    ],
)
def test_what_is_refused(expression: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        checked_cron(expression)


@pytest.mark.parametrize(("interval", "seconds"), [("1m", 60), ("90m", 5400), ("2h", 7200), ("7d", 604800)])
def test_intervals(interval: str, seconds: int) -> None:
    assert seconds_of(interval) == seconds


@pytest.mark.parametrize("interval", ["", "0h", "1", "1.5h", "1w", "30s", "-1h", "h", "1h30m", "999999d", "1h\n"])
def test_intervals_that_are_refused(interval: str) -> None:
    with pytest.raises(ConfigurationError, match="30m, 1h, 7d"):
        seconds_of(interval)
