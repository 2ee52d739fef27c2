"""Who imports whom in `tlpy`: as docs/architecture.md says, in no circle, nothing left out of an id.

Every import counts, also those within functions and under TYPE_CHECKING, and class paths of registries.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tlpy.digests import NOT_PREPARING, NOT_TRAINING

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/architecture.md"


@cache
def files() -> dict[str, Path]:
    """Every module of tlpy by its dotted name."""
    found = {}
    for file in sorted((ROOT / "tlpy").rglob("*.py")):
        parts = file.relative_to(ROOT).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = file
    return found


@cache
def imported(module: str) -> frozenset[str]:
    """The modules of tlpy that a module imports, at any place."""
    found = set()
    for node in ast.walk(ast.parse(files()[module].read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            inside = {f"{node.module}.{alias.name}" for alias in node.names}
            found.update(name if name in files() else node.module for name in inside)
    return frozenset(name for name in found if name in files() and name not in (module, "tlpy"))


@cache
def named(module: str) -> frozenset[str]:
    """The modules that a registry's class paths lead to."""
    texts = {
        node.value
        for node in ast.walk(ast.parse(files()[module].read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.startswith("tlpy.")
    }
    owners = {text.replace(":", ".").rpartition(".")[0] for text in texts}
    return frozenset(owners & set(files()))


def reached(*start: str) -> set[str]:
    """All modules that these import, directly or not, with what their registries may load."""
    todo, found = list(start), set()
    while todo:
        module = todo.pop()
        if module in found:
            continue
        found.add(module)
        # A package's own file is imported with any of its modules.
        packages = [name for name in files() if name != "tlpy" and module.startswith(f"{name}.")]
        todo += [*imported(module), *named(module), *packages]
    return found


def room(module: str) -> str:
    """The package, or the single file, directly below tlpy that a module is in."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else "tlpy"


def allowed() -> dict[str, set[str]]:
    """The table of docs/architecture.md: room → the rooms it may import."""
    rows = [
        [cell.strip() for cell in line.strip("| ").split("|")]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| `")
    ]
    return {
        row[0].strip("`/"): {name.strip("` ") for name in row[2].split(",") if name.strip("` -–")}
        for row in rows
    }


def test_every_room_is_on_the_page() -> None:
    assert {room(module) for module in files()} - {"tlpy"} == set(allowed())


@pytest.mark.parametrize("name", sorted({room(module) for module in files()} - {"tlpy"}))
def test_a_room_imports_what_the_page_lets_it(name: str) -> None:
    used = {
        (module, other)
        for module in files()
        if room(module) == name
        for other in imported(module)
        if room(other) not in (name, "tlpy")
    }
    assert {pair for pair in used if room(pair[1]) not in allowed()[name]} == set()
    # What the page allows and nobody uses would soon be wrong.
    assert allowed()[name] == {room(other) for _, other in used}


def circles() -> Iterator[list[str]]:
    """Groups of modules that import one another (Tarjan's strongly connected components)."""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []

    def visit(module: str) -> Iterator[list[str]]:
        index[module] = low[module] = len(index)
        stack.append(module)
        for other in sorted(imported(module)):
            if other not in index:
                yield from visit(other)
                low[module] = min(low[module], low[other])
            elif other in stack:
                low[module] = min(low[module], index[other])
        if low[module] == index[module]:
            group = stack[stack.index(module) :]
            del stack[stack.index(module) :]
            if len(group) > 1:
                yield group

    for module in files():
        if module not in index:
            yield from visit(module)


def test_no_imports_go_round_in_a_circle() -> None:
    assert list(circles()) == []


def left_out(module: str, names: tuple[str, ...], below: str) -> bool:
    path = files()[module].relative_to(ROOT / below)
    return path.parts[0] in names


# What keeps a stage, watches over its training and says whether there is a result sees no number of it.
KEEPERS = {name for name in files() if room(name) in ("store", "supervision", "checksums", "machine")}


def test_nothing_that_training_imports_is_left_out_of_a_stages_id() -> None:
    trained = reached("tlpy.scenarios.pack")
    assert {module for module in trained if left_out(module, NOT_TRAINING, "tlpy")} <= KEEPERS
    assert "tlpy.metrics.formulas" in trained
    assert "tlpy.objectives.simclr" in trained


def test_nothing_that_preparing_imports_is_left_out_of_a_caches_id() -> None:
    prepared = {module for module in reached("tlpy.data.prepare") if module.startswith("tlpy.data.")}
    assert {module for module in prepared if left_out(module, NOT_PREPARING, "tlpy/data")} == set()
