"""Options that name a place and were given an empty text, as an unset variable of a shell leaves it."""

from typing import Any

from labelcycle.components.core.errors import ConfigurationError

PLACES = ("images", "embeddings", "labels_from", "test", "withdraw", "output", "plot")
"""Options of files and folders. Those of `init` are settings, which refuse empty texts themselves, in files too."""


def refuse_empty_places(context: Any) -> None:
    """Refuse empty texts where a file or folder is to be named: as paths they would mean the working directory.

    Args:
        context: of the command, with what was said to it.

    Raises:
        ConfigurationError: an option was given one.
    """
    for option in context.command.params:
        name, value = option.name, context.params.get(option.name)
        given = getattr(context.get_parameter_source(name), "name", None) == "COMMANDLINE"
        if name in PLACES and given and value == "":
            raise ConfigurationError(f"{option.opts[0]} is empty. Name a file or folder, or leave it out.")
