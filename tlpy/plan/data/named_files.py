"""The files that data sets name beside their own path: an edit of one is an edit of the data.

The workflow stamps them at each start, so that a plan is made anew when one of them changed and only then.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tlpy.components.sources import sources
from tlpy.data.readers.base import ImageError, Reader
from tlpy.digests import canonical
from tlpy.errors import InputError
from tlpy.params.assignment import variant_params
from tlpy.params.schema import Schema
from tlpy.plan.data.columns import split_of
from tlpy.search.registry import assignments


def named_files(
    params: Mapping[str, Any], schema: Schema, roots: Mapping[str, Path], components: Path | None = None
) -> list[Path]:
    """Every file that a data set of the params names (`Reader.named_files`), there or not, sorted.

    Faults are left for the plan to tell: mended params are other params, with a list of their own.

    Args:
        params: the params, as the user gave them.
        schema: the params schema.
        roots: the path as the user wrote it → where it lies on this machine.
        components: the folder of own components, or None.
    """
    given = schema.coerce({key: value for key, value in params.items() if value is not None})
    if schema.problems(given):
        return []
    sources.use(components, given.get("components"))
    found: set[Path] = set()
    for spec in _datasets(given, schema):
        try:
            found.update(_reader(spec, roots).named_files())
        except (InputError, ImageError):
            continue
    return sorted(found)


def _datasets(given: Mapping[str, Any], schema: Schema) -> Iterator[dict[str, Any]]:
    """The data sets of all variants, each only once."""
    try:
        settings = assignments(given.get("search"), int(given.get("seed", schema.default("seed"))))
    except InputError:
        settings = [{}]
    of_data = [
        {path: value for path, value in assignment.items() if path.partition(".")[0] == "datasets"}
        for assignment in settings
    ]
    for assignment in {canonical(assignment): assignment for assignment in of_data}.values():
        varied = variant_params(given, assignment)["datasets"]
        yield from (spec for spec in varied.values() if {"reader", "path"} <= set(spec))


def _reader(spec: Mapping[str, Any], roots: Mapping[str, Path]) -> Reader:
    from tlpy.data.readers.registry import READERS, open_reader

    columns, _ = split_of(spec)
    component = READERS.complete(spec["reader"], "reader")
    return open_reader(component, roots.get(spec["path"], Path(spec["path"])), spec["path"], columns)
