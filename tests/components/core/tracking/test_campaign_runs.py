
from conftest_tracking import placeholder  # noqa
