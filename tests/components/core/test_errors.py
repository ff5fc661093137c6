"""The exception tree decides exit codes, which schedulers read."""

import pytest

from labelcycle.components.core.errors import (
    WAITING_FOR_LABELS,
    CampaignError,
    ConfigurationError,
    InputError,
    LabelcycleError,
    TransientError,
)


@pytest.mark.parametrize(
    ("error", "code"), [(InputError, 1), (ConfigurationError, 1), (CampaignError, 1), (TransientError, 2)]
)
def test_exit_codes(error: type[LabelcycleError], code: int) -> None:
    assert issubclass(error, LabelcycleError)
    assert error.exit_code == code
    assert error.exit_code != WAITING_FOR_LABELS == 3
    assert str(error("what happened")) == "what happened"
