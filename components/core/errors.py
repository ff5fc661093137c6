"""The exception tree. Every error names the thing, the place and the remedy; its class decides the exit code."""


class LabelcycleError(Exception):
    """Base of every error that labelcycle raises on purpose."""

    exit_code = 1


class InputError(LabelcycleError):
    """Data given by the user (images, tables, labels) cannot be used as it is."""


class ConfigurationError(LabelcycleError):
    """A setting, recipe, flag or credential is wrong or missing."""


class CampaignError(LabelcycleError):
    """The campaign store holds something other than what was asked for, or something damaged."""


class TransientError(LabelcycleError):
    """A service or network failed in a way that may pass; the same command may be run again."""

    exit_code = 2


WAITING_FOR_LABELS = 3
"""Exit code of a run that stops because people have still to label its query."""
