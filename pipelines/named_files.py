"""YAML files that users call by name, from a folder that comes with labelcycle, or by path, from their own."""

from pathlib import Path

from labelcycle.components.core.errors import ConfigurationError


def named_file(kind: str, folder: Path, name: str) -> Path:
    """The file that a name or path means.

    Args:
        kind: what the file holds, in a word, for the message.
        folder: of the files that come with labelcycle.
        name: a stem of one of them, or the path of a YAML file.

    Raises:
        ConfigurationError: neither.
    """
    own = Path(name).expanduser()
    if own.suffix in (".yaml", ".yml"):
        return own
    path = folder / f"{name}.yaml"
    if "/" in name or not path.is_file():
        known = ", ".join(sorted(file.stem for file in folder.glob("*.yaml")))
        raise ConfigurationError(f"There is no {kind} {name!r}. Choose one of {known}, or name a .yaml file.")
    return path
