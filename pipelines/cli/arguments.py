"""Paths, and settings as `--set KEY=VALUE`, as the user writes them."""

from pathlib import Path

import yaml

from labelcycle.components.core.errors import ConfigurationError

EXAMPLES = {"--set": "trainer.epochs=20", "--notify": "webhook=true"}


def absolute(path: str) -> str:
    """A path of the working directory made absolute, because stages resolve others against the campaign's root.

    URIs, and the empty text that stands for no path, stay as they are.
    """
    return str(Path(path).absolute()) if path and "://" not in path else path


def settings_of(texts: list[str], flag: str = "--set") -> dict[str, object]:
    """`trainer.epochs=20` → {"trainer.epochs": 20}; values are read as YAML.

    Args:
        texts: as they were given.
        flag: by which.

    Raises:
        ConfigurationError: a text without `=`, or a value that is not YAML.
    """
    settings: dict[str, object] = {}
    for text in texts:
        name, sign, value = text.partition("=")
        if not sign or not name.strip():
            raise ConfigurationError(f"{flag} {text!r} is not KEY=VALUE, such as {EXAMPLES[flag]}.")
        try:
            settings[name.strip()] = yaml.safe_load(value)
        except (yaml.YAMLError, ValueError, LookupError, AttributeError, RecursionError) as error:
            raise ConfigurationError(f"{flag} {text!r}: the value is not YAML: {error}") from error
    return settings
