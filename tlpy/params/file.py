"""Reading a params file: YAML or JSON, with its nested parts inline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tlpy.errors import InputError, Problem
from tlpy.params.schema import Schema


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

    try:
        return yaml.safe_load(file.read_text())
    except yaml.YAMLError as error:
        raise InputError([Problem(str(file), f"is not YAML: {' '.join(str(error).split())}")]) from None
