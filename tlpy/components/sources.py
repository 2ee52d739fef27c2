"""Where the sources of components are: `tlpy`, the folder of own components, installed packages."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from tlpy.components.described import Described
from tlpy.components.source import SourceTree
from tlpy.errors import InputError, Problem, nearest

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


# Where a task finds the folder of own components (the params name it as it lies elsewhere).
COMPONENTS_VARIABLE = "TLPY_COMPONENTS"


class Sources:
    """What can be read of components, without running it. One of them serves all registries: `sources`.

    Attributes:
        folder: of own components, or None.
        shown: the same as the user wrote it.
        edition: counts how often files may have changed; what was read before is then read anew.
    """

    def __init__(self) -> None:
        self.edition = 0
        folder = os.environ.get(COMPONENTS_VARIABLE)
        self.use(Path(folder) if folder and Path(folder).is_dir() else None, "components")

    def use(self, folder: Path | None, shown: str | None = None) -> None:
        """Read own components from `folder`, and let them be imported in this process.

        Raises nothing: what is wrong with the folder is told by `folder_problems`.
        """
        self.folder = Path(folder).resolve() if folder else None
        self.shown = shown or (str(folder) if folder else None)
        if self.folder and str(self.folder) not in sys.path:
            sys.path.insert(0, str(self.folder))
        self.edition += 1
        self._tree = SourceTree()
        self._places: tuple[Path | str, ...] = ()

    @property
    def tree(self) -> SourceTree:
        """The modules in sight: own ones, then those of Python's path as it is now."""
        here = Path.cwd()
        if self._places != (here, *sys.path):
            self._places = (here, *sys.path)
            # A task has its data in the current folder: what lies there is none of the packages.
            path = [found for text in sys.path if text and (found := Path(text).resolve()) != here]
            self._tree = SourceTree([*([self.folder] if self.folder else []), *path])
        return self._tree

    def folder_problems(self) -> list[Problem]:
        """What is wrong with the folder of own components as a whole."""
        if self.folder is None:
            return []
        if not self.folder.is_dir():
            message = f"{self.shown} is no folder"
            return [Problem("components", message, "give the folder that holds your modules")]
        return [
            Problem(
                "components",
                f"{self.shown}/{name}.py hides the module '{name}' from Python",
                "rename the file",
            )
            for name in self.modules()
            if name in _TAKEN
        ]

    def modules(self) -> list[str]:
        """The names of the folder's own modules."""
        if self.folder is None or not self.folder.is_dir():
            return []
        return sorted(
            child.stem
            for child in self.folder.iterdir()
            if child.suffix == ".py" or (child / "__init__.py").is_file()
        )

    def is_own(self, path: str) -> bool:
        """Whether a class path starts at a module of the folder."""
        file = self.tree.file_of(path.rpartition(".")[0])
        return file is not None and self.is_own_file(file)

    def is_own_file(self, file: Path) -> bool:
        return self.folder is not None and file.is_relative_to(self.folder)

    def is_installed(self, path: str) -> bool:
        """Whether there is a module where a class path starts, found without importing it."""
        first = path.partition(".")[0]
        return first in sys.modules or self.tree.file_of(first) is not None or find_spec(first) is not None

    def find(self, path: str, name: str, where: str) -> Described | None:
        """The class or function at a class path; None where only running it would tell.

        Args:
            path: dotted.
            name: as in the params file.
            where: the param's path, for messages.

        Raises:
            InputError: there is none, or its file is no Python.
        """
        module, _, last = path.rpartition(".")
        try:
            file = self.tree.file_of(module)
            if file is None:
                self._must_exist(module, name, where)
                return None
            found = self.tree.describe(path)
            names = self.tree.names(file)
        except SyntaxError as error:
            named = Path(error.filename) if error.filename else None
            place = f"{self.file(named)}, line {error.lineno}" if named else module
            raise InputError(
                [Problem(where, f"{name}: {place}: {error.msg}", "the file is no Python", about=name)]
            ) from None
        if found is None and last not in names and "*" not in names:
            hint = nearest(last, [key for key in names if not key.startswith("_")])
            message = f"{name}: {self.file(file)} has no '{last}'"
            raise InputError([Problem(where, message, hint, about=name)])
        return found

    def _must_exist(self, module: str, name: str, where: str) -> None:
        """A module whose source is not in sight must be a package that is installed."""
        first = module.partition(".")[0]
        # Where planning has no torch, a path that starts with it is judged by the task that trains.
        if first in _TAKEN or self.is_installed(module):
            return
        if self.shown is None:
            message, hint = f"there is no module '{first}'", "give the folder of the module by `components:`"
        else:
            held = self.modules()
            message = f"there is no {first}.py in {self.shown}"
            hint = nearest(first, held) if held else "the folder holds no modules"
        raise InputError([Problem(where, f"{name}: {message}", hint, about=name)])

    def place(self, found: Described) -> str:
        """File and line of a class, as a user would name them."""
        return f"{self.file(found.file)}, line {found.line}"

    def file(self, file: Path) -> str:
        """A file as the user would name it."""
        if self.folder is not None and self.shown and file.is_relative_to(self.folder):
            return f"{self.shown.rstrip('/')}/{file.relative_to(self.folder).as_posix()}"
        return str(file)


sources = Sources()
