"""labelcycle: active learning on vision foundation models.

The names here are those of `labelcycle.pipelines.api`, each imported when it is first asked for.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelcycle.pipelines.api import ActiveLearner as ActiveLearner
    from labelcycle.pipelines.api import Campaign as Campaign
    from labelcycle.pipelines.api import CampaignSettings as CampaignSettings
    from labelcycle.pipelines.api import PrototypeClassifier as PrototypeClassifier
    from labelcycle.pipelines.api import __version__ as __version__
    from labelcycle.pipelines.api import backtest as backtest
    from labelcycle.pipelines.api import errors as errors
    from labelcycle.pipelines.api import strategies as strategies

__all__ = [
    "ActiveLearner",
    "Campaign",
    "CampaignSettings",
    "PrototypeClassifier",
    "__version__",
    "backtest",
    "errors",
    "strategies",
]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from labelcycle.pipelines import api

    value: Any = getattr(api, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
