"""Importing what a class path names."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any

from tlpy.errors import InputError, Problem, nearest


class NotFoundError(InputError, ImportError):
    """A class path that leads nowhere."""

    def __init__(self, path: str, reason: str, hint: str, where: str = "component") -> None:
        super().__init__([Problem(where, f"{path} was not found: {reason}", hint)])


def load_object(path: str, where: str = "component") -> Any:
    """Import `package.module:attribute` or `package.module.Attribute`.

    Args:
        path: what to import.
        where: what it is for, for messages.

    Raises:
        NotFoundError: there is no such module or attribute, or the module fails while it is imported.
    """
    module_name, separator, attribute = path.partition(":")
    if not separator:
        module_name, _, attribute = path.rpartition(".")
    try:
        module = import_module(module_name)
    except Exception as error:  # an own module may fail in any way
        raise NotFoundError(path, *_import_failure(module_name, error), where) from error
    try:
        return getattr(module, attribute)
    except AttributeError:
        public = [name for name in vars(module) if not name.startswith("_")]
        hint = nearest(attribute, public, "a class path is module.Class")
        file = getattr(module, "__file__", None) or module_name
        raise NotFoundError(path, f"{file} has no '{attribute}'", hint, where) from None


def _import_failure(module: str, error: Exception) -> tuple[str, str]:
    """Why a module could not be imported, and what to do about it."""
    missing = error.name if isinstance(error, ModuleNotFoundError) and error.name else None
    if missing and (module == missing or module.startswith(f"{missing}.")):
        hint = "a class path is module.Class; give the folder of the module by `components:`"
        return f"there is no module '{missing}'", hint
    if missing == "torch":
        hint = "planning and preparing have no torch: what they run belongs in a file that needs none"
        return f"{module}.py needs torch", hint
    if missing:
        return f"{module}.py needs the package '{missing}'", "add it to the environment or the image"
    return f"{module}.py cannot be imported: {describe_fault(error)}", ""


def describe_fault(error: BaseException) -> str:
    """An exception in one line, with the file and line of the code that it left last."""
    text = " ".join(str(error).split())
    if isinstance(error, SyntaxError):
        return f"line {error.lineno}: {error.msg}"
    frames = extract_tb(error.__traceback__)
    place = f" ({Path(frames[-1].filename).name}, line {frames[-1].lineno})" if frames else ""
    return f"{type(error).__name__}: {text}{place}" if text else f"{type(error).__name__}{place}"
