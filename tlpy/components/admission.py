"""Which code a params file may name: params come from anywhere, and to import or call is to run.

What we register, and what stands in the folder of own components, is trusted. Anything else has to be a class
of the kind that is asked for: its source says so before it is imported, and the class itself before it is
called.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from tlpy.components.ancestry import ancestors, definition, is_standard
from tlpy.components.loading import load_object
from tlpy.components.sources import sources
from tlpy.errors import InputError, Problem

_WRAP = "wrap it in a class of your own, in the folder of `components:`"


@dataclass(frozen=True)
class Admission:
    """What a params file may name as a component of one kind.

    Attributes:
        registered: class paths that have a name of ours.
        bases: what a class from elsewhere must descend from.
    """

    registered: Collection[str]
    bases: tuple[str, ...]

    def check_path(self, path: str, name: str, where: str) -> None:
        """Raise `InputError` for what is no class path, or one of Python's own modules."""
        if path in self.registered:
            return
        if not all(part.isidentifier() for part in path.split(".")):
            raise self._refused(where, name, "is no class path", "a class path is module.Class")
        if is_standard(path):
            message = f"is of Python's standard library, and is no subclass of {self._wanted}"
            raise self._refused(where, name, message, _WRAP)

    def check_source(self, path: str, name: str, where: str) -> None:
        """Judge what a class path names by its source alone; nothing is imported.

        Args:
            path: dotted.
            name: as in the params file.
            where: the param's path.

        Raises:
            InputError: it may not be named.
        """
        self.check_path(path, name, where)
        if path in self.registered or not sources.is_installed(path):
            return
        found, own = definition(sources.tree, path), sources.is_own(path)
        if is_standard(found.path):
            message = f"is {found.path} of Python's standard library"
            raise self._refused(where, name, message, _WRAP)
        # Of an own name that no source explains, the object tells once it is there.
        if own and (found.file is None or not isinstance(found.node, ast.ClassDef | ast.FunctionDef)):
            return
        if own and found.file is not None and sources.is_own_file(found.file):
            return
        if isinstance(found.node, ast.FunctionDef):
            package = found.path.partition(".")[0]
            message = f"is a function of {package}: functions are taken from `components:` alone"
            raise self._refused(where, name, message, _WRAP)
        if not isinstance(found.node, ast.ClassDef):
            message = "is nothing that its source shows to be a class, and it is not run to find out"
            raise self._refused(where, name, message, _WRAP)
        wanted = {definition(sources.tree, base).path for base in self.bases}
        if not ancestors(sources.tree, path) & wanted:
            raise self._refused(where, name, f"is not a subclass of {self._wanted}", _WRAP)

    def check_object(self, path: str, name: str, found: Any, where: str) -> None:
        """Judge what a class path gave, before it is called; raises as `check_source`."""
        if path in self.registered:
            return
        if sources.is_own(path):
            callable_of_python = isinstance(found, type) or inspect.isroutine(found)
            if not (callable_of_python and is_standard(str(getattr(found, "__module__", None)))):
                return
        if isinstance(found, type) and any(issubclass(found, load_object(base)) for base in self.bases):
            return
        raise self._refused(where, name, f"is not a subclass of {self._wanted}", _WRAP)

    @property
    def _wanted(self) -> str:
        return " or ".join(self.bases)

    def _refused(self, where: str, name: str, message: str, hint: str) -> InputError:
        return InputError([Problem(where, f"{name} {message}", hint, about=name)])
