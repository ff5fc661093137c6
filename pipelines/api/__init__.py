"""labelcycle from Python, for scripts and notebooks: the names that `import labelcycle` offers."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labelcycle.components.core import errors as errors
    from labelcycle.pipelines.api import strategies as strategies
    from labelcycle.pipelines.api.active_learner import ActiveLearner as ActiveLearner
    from labelcycle.pipelines.api.backtesting import backtest as backtest
    from labelcycle.pipelines.api.prototype_classifier import PrototypeClassifier as PrototypeClassifier
    from labelcycle.pipelines.api.user_campaign import Campaign as Campaign
    from labelcycle.pipelines.initialise.campaign_settings import CampaignSettings as CampaignSettings

    __version__: str

MODULES = {
    "ActiveLearner": "labelcycle.pipelines.api.active_learner",
    "Campaign": "labelcycle.pipelines.api.user_campaign",
    "CampaignSettings": "labelcycle.pipelines.initialise.campaign_settings",
    "PrototypeClassifier": "labelcycle.pipelines.api.prototype_classifier",
    "backtest": "labelcycle.pipelines.api.backtesting",
    "errors": "labelcycle.components.core.errors",
    "strategies": "labelcycle.pipelines.api.strategies",
}
"""Where each name is; it is imported when it is first asked for. A name that ends its module's is that module."""

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
    if name == "__version__":
        from importlib.metadata import version

        value: Any = version("labelcycle")
    elif name in MODULES:
        module = import_module(MODULES[name])
        value = module if MODULES[name].endswith(f".{name}") else getattr(module, name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
