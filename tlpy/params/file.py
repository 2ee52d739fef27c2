"""Reading a params file: YAML or JSON, with its nested parts inline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlpy.errors import InputError, Problem
from tlpy.params.schema import Schema

# Aliases of aliases make a few lines more than any memory holds.
_MOST_VALUES = 100_000


def read_params(file: Path) -> dict[str, Any]:
    """The params of `file`; nested parts that are given as a path are read in.

    Raises:
        InputError: for text that is not YAML, or a file that holds no map.
    """
    params = _read(file)
    if not isinstance(params, dict):
        raise InputError([Problem(str(file), "expected a map of params", "see assets/examples")])
    for name in Schema.read().nested():
        if isinstance(params.get(name), str):
            nested = Path(params[name])
            if not nested.is_file():
                raise InputError([Problem(name, f"{nested} does not exist")])
            params[name] = _read(nested)
    return params


def _read(file: Path) -> Any:
    import yaml

    # Any of Python's faults may come of a text: too deep for it, no date, a number of too many digits.
    faults = (yaml.YAMLError, ValueError, TypeError, AttributeError, KeyError, OverflowError, RecursionError)
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError([Problem(str(file), f"is not UTF-8: byte {error.start}")]) from None
    except OSError as error:
        raise InputError([Problem(str(file), f"cannot be read: {error.strerror or error}")]) from None
    try:
        content = yaml.load(text, Loader=_loader())  # noqa: S506 - a SafeLoader
        values = _count(content, {}, ())
    except faults as error:
        why = "it is nested too deep" if isinstance(error, RecursionError) else " ".join(str(error).split())
        raise InputError([Problem(str(file), f"is not YAML: {why[:300]}")]) from None
    if values > _MOST_VALUES:
        hint = "an alias (*name) stands for all that its anchor (&name) holds"
        raise InputError([Problem(str(file), f"holds more than {_MOST_VALUES:,} values", hint)])
    return content


def _count(value: Any, known: dict[int, int], above: tuple[int, ...]) -> int:
    """How many values there are, one that several aliases name as often as they do.

    Raises:
        ValueError: one holds itself.
    """
    if not isinstance(value, dict | list | set):
        return 1
    if id(value) in above:
        raise ValueError("an alias names what it stands in")
    if id(value) not in known:
        inner = value.values() if isinstance(value, dict) else value
        known[id(value)] = 1 + sum(_count(item, known, (*above, id(value))) for item in inner)
    return known[id(value)]


def _loader() -> Any:
    """PyYAML's safe loader; a key that is there twice is a fault, not the last of the two."""
    import yaml

    class Loader(yaml.SafeLoader):
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
                plain = isinstance(key, yaml.ScalarNode) and not key.tag.endswith(":merge")
                if plain and key.value in seen:
                    said = f"'{key.value}' is said twice"
                    raise yaml.constructor.ConstructorError(None, None, said, key.start_mark)
                seen.add(key.value if plain else "")
            return super().construct_mapping(node, deep)

    return Loader
