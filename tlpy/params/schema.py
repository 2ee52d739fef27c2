"""The params schema: types, defaults, bounds and help of every param, read from `nextflow_schema.json`."""

from __future__ import annotations

import json
import math
import re
import reprlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tlpy.errors import Problem, nearest
from tlpy.files import read_json

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "nextflow_schema.json"


class Schema:
    """The JSON schema of a params file, with validation that names every fault by its dotted path."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document

    @classmethod
    def read(cls, file: Path = SCHEMA_FILE) -> Schema:
        return cls(read_json(Path(file)))

    @property
    def properties(self) -> dict[str, Any]:
        """Every top-level param and its schema, over all groups."""
        groups = self.document["$defs"].values()
        return {name: entry for group in groups for name, entry in group["properties"].items()}

    def group(self, name: str) -> dict[str, Any]:
        """The params of one group, such as `training_options`."""
        return dict(self.document["$defs"][name]["properties"])

    def nested(self) -> list[str]:
        """The params that may be given as the path of a YAML file, so that a launch form can pick one."""
        return [n for n, entry in self.properties.items() if entry.get("mimetype") == "application/yaml"]

    def resolve(self, entry: Mapping[str, Any]) -> Mapping[str, Any]:
        """Follow a `$ref` within the document."""
        while "$ref" in entry:
            target: Any = self.document
            for part in str(entry["$ref"]).removeprefix("#/").split("/"):
                target = target[part]
            entry = target
        return entry

    def default(self, name: str) -> Any:
        """The default of a top-level param; None where it has none."""
        return self.properties[name].get("default")

    def coerce(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Give text from a command line the type the schema asks for (`--replicates.seeds 3`)."""
        return {name: self._coerce(value, self.properties.get(name, {})) for name, value in params.items()}

    def problems(self, params: Mapping[str, Any]) -> list[Problem]:
        """Everything in `params` that the schema forbids, sorted by path."""
        from jsonschema import Draft202012Validator

        no_values = list(_no_values(params, ""))
        named = {problem.where for problem in no_values}
        found = [
            problem
            for error in self._leaves(Draft202012Validator(self.document), params)
            for problem in self._explain(error)
            if problem.where not in named
        ]
        found += no_values
        valid = list(self.properties)
        found += [
            Problem(str(name), "unknown param", nearest(name, valid)) for name in params if name not in valid
        ]
        return sorted(set(found))

    def _coerce(self, value: Any, entry: Mapping[str, Any]) -> Any:
        entry = self.resolve(entry)
        types = entry.get("type", [])
        types = [types] if isinstance(types, str) else types
        if isinstance(value, dict):
            known = entry.get("properties", {})
            other = entry.get("additionalProperties")
            other = other if isinstance(other, dict) else {}
            return {key: self._coerce(item, known.get(key, other)) for key, item in value.items()}
        if isinstance(value, list):
            return [self._coerce(item, entry.get("items", {})) for item in value]
        if isinstance(value, str) and "string" not in types:
            return _from_text(value, types or ["exponent"])
        return value

    @staticmethod
    def _leaves(validator: Any, params: Mapping[str, Any]) -> Iterator[Any]:
        """The innermost errors: those below `anyOf` and the like tell more than the branch that failed."""
        for error in validator.iter_errors(dict(params)):
            yield from error.context or [error]

    def _explain(self, error: Any) -> Iterator[Problem]:
        where = dotted(error.absolute_path)
        if error.validator == "additionalProperties" and isinstance(error.instance, dict):
            valid = list(error.schema.get("properties", {}))
            for key in error.instance:
                if key not in valid:
                    yield Problem(f"{where}.{key}" if where else key, "unknown key", nearest(key, valid))
        elif error.validator == "required":
            for key in error.validator_value:
                if key not in error.instance:
                    path = f"{where}.{key}" if where else key
                    yield Problem(
                        path,
                        "is missing",
                        _help(self.resolve(error.schema.get("properties", {}).get(key, {}))),
                    )
        elif error.validator == "type":
            types = error.validator_value
            types = [types] if isinstance(types, str) else types
            expected = " or ".join(_TYPE_NAMES.get(name, name) for name in types)
            yield Problem(where, f"expected {expected}, got {_shown(error.instance)}")
        elif error.validator == "enum":
            allowed = [str(value) for value in error.validator_value]
            why = error.schema.get("errorMessage")
            hint = nearest(str(error.instance), allowed) + (f"; {why}" if why else "")
            yield Problem(where, f"got {_shown(error.instance)}", hint)
        elif error.validator == "pattern" and re.fullmatch(r"\^\(([\w|]+)\)\$", error.validator_value):
            allowed = error.validator_value[2:-2].split("|")
            yield Problem(where, f"got {_shown(error.instance)}", nearest(str(error.instance), allowed))
        elif error.validator in _BOUNDS:
            yield Problem(
                where,
                f"expected {_BOUNDS[error.validator]} {error.validator_value}, got {_shown(error.instance)}",
            )
        else:
            yield Problem(where, error.message)


_TYPE_NAMES = {
    "integer": "a whole number",
    "number": "a number",
    "string": "text",
    "boolean": "true or false",
    "object": "a map",
    "array": "a list",
    "null": "null",
}
_BOUNDS = {
    "minimum": "at least",
    "maximum": "at most",
    "exclusiveMinimum": "more than",
    "exclusiveMaximum": "less than",
    "minItems": "a list with at least this many entries:",
    "maxItems": "a list with at most this many entries:",
    "minProperties": "a map with at least this many entries:",
}


def _no_values(value: Any, where: str) -> Iterator[Problem]:
    """What no param may be, at any depth: a number that is not finite, or empty text."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _no_values(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, list | tuple):
        for number, item in enumerate(value):
            yield from _no_values(item, f"{where}[{number}]")
    elif isinstance(value, float) and not math.isfinite(value):
        name = ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
        yield Problem(where, f"is {name}, expected a number that is finite")
    elif isinstance(value, str) and not value.strip():
        yield Problem(where, "is empty text", "leave it out, or say null")


def dotted(path: Any) -> str:
    """A JSON path as users write it: `stages[0].lr`."""
    text = ""
    for part in path:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else str(part)
    return text


def _help(entry: Mapping[str, Any]) -> str:
    return str(entry.get("description", "")).rstrip(".")


def _shown(value: Any) -> str:
    try:
        text = json.dumps(value, default=str)
    except (TypeError, ValueError, RecursionError):  # a key that is no text, a number of a thousand digits
        text = reprlib.repr(value)
    return text if len(text) <= 80 else text[:77] + "..."


# YAML 1.1 reads `1e-4` as text. Where the schema leaves the type open (a searched value, a component's
# argument), text of this form is meant as a number.
_EXPONENT = re.compile(r"[+-]?\d+\.?\d*[eE][+-]?\d+")


def _from_text(value: str, types: list[str]) -> Any:
    if types == ["exponent"]:
        return float(value) if _EXPONENT.fullmatch(value) else value
    if "boolean" in types and value.lower() in ("true", "false"):
        return value.lower() == "true"
    for name, parse in (("integer", int), ("number", float)):
        if name in types:
            try:
                return parse(value)
            except ValueError:
                continue
    return value
