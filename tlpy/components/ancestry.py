"""Where a class is defined and what it descends from, through imports and stars, without running it."""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from pathlib import Path

from tlpy.components.source import SourceTree


@dataclass(frozen=True)
class Definition:
    """What a dotted path leads to.

    Attributes:
        path: its dotted name where it is defined, or the last one on the way there that is known.
        file, node: its source; None where that is not in sight.
    """

    path: str
    file: Path | None = None
    node: ast.stmt | None = None


def definition(tree: SourceTree, path: str) -> Definition:
    """Follow a dotted path to where what it names is defined; a file that is no Python is not in sight."""
    return _follow(tree, path, set())


def _follow(tree: SourceTree, path: str, passed: set[str]) -> Definition:
    module, _, name = path.rpartition(".")
    file = tree.file_of(module) if module and path not in passed else None
    if file is None:
        return Definition(path)
    passed.add(path)
    try:
        found, stars = tree.names(file).get(name), tree.stars(file)
    except SyntaxError:
        return Definition(path)
    if isinstance(found, str):
        return _follow(tree, found, passed)
    if found is not None:
        return Definition(f"{tree.module_of(file)}.{name}", file, found)
    for star in reversed(stars):
        there = _follow(tree, f"{star}.{name}", passed)
        if there.node is not None:
            return there
    # A star of a module without source may hold it: that one is the last which is known.
    hidden = next((star for star in reversed(stars) if tree.file_of(star) is None), None)
    return Definition(f"{hidden}.{name}" if hidden and not is_standard(path) else path)


def is_standard(path: str) -> bool:
    """Whether a dotted path starts at a module that comes with Python, or at the program itself."""
    return path.partition(".")[0] in {*sys.stdlib_module_names, "__main__"}


def ancestors(tree: SourceTree, path: str) -> set[str]:
    """Dotted names of a class and of all its bases, where they are defined, as far as sources show."""
    found: set[str] = set()
    waiting = [path]
    while waiting:
        one = definition(tree, waiting.pop())
        if one.path in found:
            continue
        found.add(one.path)
        if one.file is None or not isinstance(one.node, ast.ClassDef):
            continue
        module = tree.module_of(one.file)
        names = [name for base in one.node.bases if (name := tree.dotted(base, one.file))]
        # A bare name comes by a star: it is looked for where it is used.
        waiting += [name if "." in name else f"{module}.{name}" for name in names]
    return found
