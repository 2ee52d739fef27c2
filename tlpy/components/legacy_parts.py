"""Own parts, checked before anything runs: that file, class and methods are there. Imports nothing heavy.

Own code is read, not run (`tlpy.components.legacy_source`): a network's file needs torch, which planning
does not have.
What cannot be seen in the source (a class that is made at run time) passes, and is judged when it is used.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tlpy.components.legacy_source import Described, Signature, SourceTree
from tlpy.components.registry import as_component
from tlpy.errors import Problem, Problems, nearest
from tlpy.objectives.own import fact_problems, own_entry


@dataclass(frozen=True)
class Part:
    """What is asked of an own part of one kind.

    Attributes:
        expected: in words.
        methods: those it must have, as `name(arguments)`.
        bases: one of these must be among its ancestors; empty: any class will do.
        given: the arguments that it gets besides those in the params file; None: they are not checked.
        function: whether a function will do, too.
    """

    expected: str
    methods: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    given: tuple[str, ...] | None = None
    function: bool = False


PARTS = {
    "objective": Part(
        "a tlpy.objectives.base.Term whose forward(step) returns one number",
        ("forward(step)",),
        ("tlpy.objectives.base.Term",),
        given=("heads",),
    ),
    "scenario": Part(
        "a subclass of tlpy.scenarios.sequential.SequentialScenario, with training_step(batch, batch_idx)",
        ("training_step(batch, batch_idx)",),
        ("tlpy.scenarios.sequential.SequentialScenario",),
    ),
}

# Names that a file of one's own would hide from everyone else.
_TAKEN = {
    *sys.stdlib_module_names,
    "tlpy",
    "torch",
    "numpy",
    "lightning",
    "click",
    "yaml",
    "monai",
    "nibabel",
}


def use_components(folder: Path | None) -> None:
    """Let own modules of `folder` be imported in this process.

    Raises nothing: what is wrong with the folder is told by `folder_problems`.
    """
    if folder and (text := str(Path(folder).resolve())) not in sys.path:
        sys.path.insert(0, text)
    # What was read of own files may have been edited since.
    own_entry.cache_clear()


def folder_problems(folder: Path | None, shown: str | None = None) -> list[Problem]:
    """What is wrong with the folder of own components as a whole."""
    if folder is None:
        return []
    shown = shown or str(folder)
    if not Path(folder).is_dir():
        return [Problem("components", f"{shown} is no folder", "give the folder that holds your modules")]
    return [
        Problem("components", f"{shown}/{name}.py hides the module '{name}' from Python", "rename the file")
        for name in SourceTree(folder).modules()
        if name in _TAKEN
    ]


class OwnParts:
    """Checks class paths against a folder of own components. Each path is told once.

    Args:
        folder: the folder, or None.
        shown: the same as the user wrote it.
    """

    def __init__(self, folder: Path | None, shown: str | None = None) -> None:
        self.tree = SourceTree(folder)
        self.shown = shown or (str(folder) if folder else None)
        self._told: set[str] = set()

    def problems(self, kind: str, component: Mapping[str, Any], where: str) -> list[Problem]:
        """What is wrong with one component: nothing for a registered name or one that is not in sight.

        Args:
            kind: a key of `PARTS`.
            component: in its long form: a name and arguments.
            where: the param's path.
        """
        path = str(component.get("name"))
        if "." not in path or f"{kind} {path}" in self._told:
            return []
        path = path.replace(":", ".")
        part, problems = PARTS[kind], Problems()
        module, _, name = path.rpartition(".")
        try:
            if (file := self.tree.file_of(module)) is None:
                self._no_module(path, module, where, problems)
            elif (found := self.tree.describe(path)) is not None:
                arguments = [key for key in component if key != "name"]
                self._check(found, path, part, arguments, where, problems)
            elif name not in (names := self.tree.names(file)) and "*" not in names:
                hint = nearest(name, [key for key in names if not key.startswith("_")])
                problems.add(where, f"{path}: {self._file(file)} has no '{name}'", hint)
        except SyntaxError as error:
            named = Path(error.filename) if error.filename else None
            place = f"{self._file(named)}, line {error.lineno}" if named else module
            problems.add(where, f"{path}: {place}: {error.msg}", "the file is no Python")
        if problems:
            self._told.add(f"{kind} {component.get('name')}")
        return list(problems)

    def of_variant(self, chain: Iterable[Any]) -> list[Problem]:
        """What is wrong with the own parts of one variant.

        Args:
            chain: its stages (`tlpy.plan.working.StageSpec`).
        """
        found: list[Problem] = []
        for stage in chain:
            if stage.scenario:
                found += self.problems("scenario", as_component(stage.scenario), f"{stage.where}.scenario")
            for name, setting in stage.objective.items():
                arguments = setting if isinstance(setting, Mapping) else {}
                where = f"{stage.where}.objective"
                found += self.problems("objective", {**arguments, "name": name}, where)
        return found

    def _no_module(self, path: str, module: str, where: str, problems: Problems) -> None:
        """A module that is not in the folder must be a package that is installed."""
        from importlib.util import find_spec

        first = module.partition(".")[0]
        # Planning has no torch; a path that starts with it is judged by the task that trains.
        if first in _TAKEN or first in sys.modules or find_spec(first) is not None:
            return
        if self.shown is None:
            hint = "give the folder of the module by `components:`"
            problems.add(where, f"{path}: there is no module '{first}'", hint)
            return
        held = self.tree.modules()
        hint = nearest(first, held) if held else "the folder holds no modules"
        problems.add(where, f"{path}: there is no {first}.py in {self.shown}", hint)

    def _check(
        self,
        found: Described,
        path: str,
        part: Part,
        arguments: list[str],
        where: str,
        problems: Problems,
    ) -> None:
        place = f"{path} ({self._file(found.file)}, line {found.line})"
        hint = f"expected {part.expected}"
        if not found.is_class:
            if not part.function:
                problems.add(where, f"{place} is a function", hint)
            _check_arguments(found.signature, part, arguments, place, where, problems)
            return
        if part.bases and found.closed and not set(found.ancestors) & set(part.bases):
            problems.add(where, f"{place} is no subclass of {part.bases[0]}", hint)
            return
        lacking = [text for text in part.methods if text.partition("(")[0] not in found.methods]
        if lacking and found.closed:
            problems.add(where, f"{place} lacks {' and '.join(lacking)}", hint)
            return
        if part is PARTS["objective"]:
            problems.extend(fact_problems(found, place, where))
        _check_arguments(found.signature, part, arguments, place, where, problems)

    def _file(self, file: Path) -> str:
        """A file as the user would name it."""
        folder = self.tree.folder
        if folder is not None and self.shown and file.is_relative_to(folder):
            return f"{self.shown.rstrip('/')}/{file.relative_to(folder).as_posix()}"
        return str(file)


def _check_arguments(
    signature: Signature | None,
    part: Part,
    arguments: Iterable[str],
    place: str,
    where: str,
    problems: Problems,
) -> None:
    """The arguments in the params file, and those that every such part is given, against what it takes."""
    if signature is None or part.given is None:
        return
    given = [*part.given, *arguments]
    unknown = [] if signature.anything else [name for name in given if name not in signature.names]
    for name in unknown:
        if name in part.given:
            problems.add(where, f"{place} does not take '{name}'", f"expected {part.expected}")
        else:
            own = [key for key in signature.names if key not in part.given]
            problems.add(f"{where}.{name}", f"{place} takes no '{name}'", nearest(name, own))
    missing = [name for name in signature.required if name not in given]
    if missing and not unknown:
        problems.add(where, f"{place} needs {', '.join(missing)}", "give it as {name: …, argument: value}")
