"""Settings in YAML files from outside, as plain values.

A file may hold values, lists and mappings only, is bounded in size, and may name each key once.
"""

import re
from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import Any

import yaml

from labelcycle.components.core.errors import ConfigurationError, near_miss

MAX_BYTES = 1_000_000

LARGEST_BITS = 63
"""Of whole numbers, beside the sign."""

NOT_DECIMAL = re.compile(r"[+-]?(0[0-7_]+|[0-9_.]+(:[0-9_.]+)+)")
"""Numbers as nobody means them who writes them today: octal such as 0012, and minutes or hours such as 1:30."""

PLAIN_TAGS = ("null", "bool", "int", "float", "str", "seq", "map")


class PlainLoader(yaml.SafeLoader):
    """Reads plain values alone: dates stay text, and aliases are refused, which let a small file grow without bound."""

    yaml_constructors = {
        f"tag:yaml.org,2002:{tag}": yaml.SafeLoader.yaml_constructors[f"tag:yaml.org,2002:{tag}"] for tag in PLAIN_TAGS
    } | {None: yaml.SafeLoader.construct_undefined}
    yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith((":timestamp", ":merge"))]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_yaml_int(self, node: Any) -> int:
        """A whole number that machines can hold, and that is not another one than it looks like."""
        value = int(super().construct_yaml_int(node))
        self._refuse_disguised(node, value)
        if value.bit_length() > LARGEST_BITS:
            raise yaml.constructor.ConstructorError(None, None, "the number is too large", node.start_mark)
        return value

    def construct_yaml_float(self, node: Any) -> float:
        """A number that is not another one than it looks like."""
        value = float(super().construct_yaml_float(node))
        self._refuse_disguised(node, value)
        return value

    def _refuse_disguised(self, node: Any, value: float) -> None:
        if NOT_DECIMAL.fullmatch(node.value):
            plain = f", or without zeros in front for the number {int(node.value)}" if node.value.isdecimal() else ""
            problem = f'to YAML {node.value} is the number {value}; write "{node.value}" in quotes for a text{plain}'
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark)

    def construct_scalar(self, node: Any) -> str:
        """A single value as text, which has no half characters."""
        value = str(super().construct_scalar(node))
        try:
            value.encode()
        except UnicodeEncodeError:
            raise yaml.constructor.ConstructorError(
                None, None, "it contains half a character", node.start_mark
            ) from None
        return value

    def compose_node(self, parent: Any, index: Any) -> Any:
        """The next node; an alias is none."""
        if self.check_event(yaml.AliasEvent):
            event = self.peek_event()  # type: ignore[no-untyped-call]
            raise yaml.composer.ComposerError(
                None,
                None,
                f"alias *{event.anchor} is not supported; write out what it stands for",
                event.start_mark,
            )
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Hashable, Any]:
        """A mapping whose keys differ."""
        found: dict[Hashable, Any] = super().construct_mapping(node, deep=deep)
        if isinstance(node, yaml.MappingNode) and len(found) < len(node.value):
            raise yaml.constructor.ConstructorError(
                "while reading a mapping", node.start_mark, "it has the same key more than once", node.start_mark
            )
        return found


PlainLoader.add_constructor("tag:yaml.org,2002:int", PlainLoader.construct_yaml_int)
PlainLoader.add_constructor("tag:yaml.org,2002:float", PlainLoader.construct_yaml_float)


def read_settings(path: Path, what: str) -> Any:
    """What a YAML file of settings holds.

    Args:
        path: the file, UTF-8, of at most `MAX_BYTES`.
        what: what it is, for messages, such as `recipe my.yaml`.

    Raises:
        ConfigurationError: it cannot be read, is too large, or holds more than plain YAML.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ConfigurationError(f"Cannot read {what}: {size:,} bytes are more than the limit of {MAX_BYTES:,}.")
        return yaml.load(path.read_text(encoding="utf-8"), PlainLoader)
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"Cannot read {what}: it is not UTF-8 text: {error}. Save it as UTF-8.") from error
    except yaml.MarkedYAMLError as error:
        raise ConfigurationError(f"Cannot read {what}{_where_and_why(error)}") from error
    except (OSError, ValueError, OverflowError, LookupError, AttributeError, yaml.YAMLError) as error:
        raise ConfigurationError(f"Cannot read {what}: {error}") from error
    except RecursionError as error:
        raise ConfigurationError(f"Cannot read {what}: it is nested too deeply.") from error


def _where_and_why(error: yaml.MarkedYAMLError) -> str:
    """Line, column, problem and remedy of a fault in YAML, in one line."""
    mark, begun = error.problem_mark, error.context_mark
    where = "" if mark is None else f", line {mark.line + 1}, column {mark.column + 1}"
    since = (
        f", from line {begun.line + 1} on" if begun is not None and mark is not None and begun.line < mark.line else ""
    )
    while_doing = f" ({error.context}{since})" if error.context else ""
    remedy = "Indent it by spaces instead of tabs." if r"'\t'" in str(error.problem) else "Correct it there."
    return f"{where}: {error.problem}{while_doing}. {remedy}"


def as_written(path: Path, location: Sequence[int | str]) -> str | None:
    """The letters of a single value in a YAML file that `read_settings` can read, such as `no` for false.

    Args:
        path: the file.
        location: the keys and positions that lead there.

    Returns:
        None where there is no single value, or one in quotes.
    """
    node: Any = yaml.compose(path.read_text(encoding="utf-8"), PlainLoader)
    for part in location:
        if isinstance(node, yaml.MappingNode):
            node = next((value for key, value in node.value if key.value == str(part)), None)
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
        else:
            return None
    return node.value if isinstance(node, yaml.ScalarNode) and node.style is None else None


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
        known = sorted(file.stem for file in folder.glob("*.yaml"))
        guess = near_miss(name, known)
        raise ConfigurationError(
            f"There is no {kind} {name!r}.{guess} Choose one of {', '.join(known)}, or name a .yaml file."
        )
    return path
