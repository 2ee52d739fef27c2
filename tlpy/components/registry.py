"""Components: a name, a class path, or either with arguments (the first rule of the params grammar).

A registry holds frozen records and imports nothing until a component is built, so that planning
can check names and arguments without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from typing import Any, Generic, TypeVar

from tlpy.components import rules
from tlpy.errors import InputError, Problem, Problems, nearest


@dataclass(frozen=True)
class Entry:
    """One registered component.

    Attributes:
        name: the name in a params file.
        target: where it is built, as `package.module:attribute`; imported on first use.
        arguments: every argument it takes, with its default.
        summary: one line for listings.
    """

    name: str
    target: str
    arguments: Mapping[str, Any] = field(default_factory=dict)
    summary: str = ""


EntryT = TypeVar("EntryT", bound=Entry)


class Registry(Generic[EntryT]):
    """Entries of one kind by name. Registering a name twice raises."""

    def __init__(self, kind: str, entries: Iterable[EntryT] = ()) -> None:
        self.kind = kind
        self._entries: dict[str, EntryT] = {}
        for entry in entries:
            self.register(entry)

    def register(self, entry: EntryT) -> None:
        if entry.name in self._entries:
            raise ValueError(f"{self.kind} '{entry.name}' is registered twice")
        self._entries[entry.name] = entry

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def names(self) -> list[str]:
        return list(self._entries)

    def entry(self, name: str, where: str | None = None) -> EntryT:
        """The entry called `name`; raises `InputError` with the nearest valid name."""
        try:
            return self._entries[name]
        except KeyError:
            problem = Problem(
                where or self.kind, f"unknown {self.kind} '{name}'", nearest(name, self.names())
            )
            raise InputError([problem]) from None

    def complete(self, value: Any, where: str) -> dict[str, Any]:
        """`value` as `{"name": …, **arguments}` with defaults filled in.

        A class path (a dotted name) passes through with the arguments it was given.
        Raises `InputError` for an unknown name or argument, naming `where`.
        """
        component = as_component(value)
        name = component["name"]
        if "." in name:
            return component
        entry = self.entry(name, where)
        unknown = [key for key in component if key != "name" and key not in entry.arguments]
        if unknown:
            raise InputError(
                Problem(
                    f"{where}.{key}",
                    f"{self.kind} '{name}' takes no '{key}'",
                    nearest(key, list(entry.arguments)),
                )
                for key in unknown
            )
        return {"name": name, **entry.arguments, **{k: v for k, v in component.items() if k != "name"}}

    def settle(
        self,
        value: Any,
        where: str,
        expected: Mapping[str, rules.Rule],
        also: Callable[[dict[str, Any], Problems], None] | None = None,
    ) -> dict[str, Any]:
        """`complete`, with every argument checked and written in one way; a class path passes through.

        Args:
            value: a name, a class path, or either with arguments.
            where: the param's path, for messages.
            expected: what each argument must be.
            also: what no rule for one argument can tell; it is asked where each is sound.

        Raises:
            InputError: an unknown name or argument, or a value out of range.
        """
        component = self.complete(value, where)
        if "." in component["name"]:
            return component
        problems = Problems()
        rules.check(component, expected, where, problems)
        if also is not None and not problems:
            also(component, problems)
        problems.raise_if_any()
        return rules.settle(component, self.entry(component["name"]).arguments)

    def load(self, name: str) -> Any:
        """The object behind a registered name or a class path (`my_module.MyNet`).

        Raises `NotFoundError`, which is an `InputError`, for a class path that leads nowhere.
        """
        return load_object(name, self.kind) if "." in name else load_object(self.entry(name).target)


def as_component(value: Any) -> dict[str, Any]:
    """A component in its long form: `"x"` and `{"name": "x", …}` both become a dict with a name."""
    if isinstance(value, str):
        return {"name": value}
    return dict(value)


class NotFoundError(InputError, ImportError):
    """A class path that leads nowhere. As text: why, without the path itself."""

    def __init__(self, path: str, reason: str, hint: str, where: str = "component") -> None:
        super().__init__([Problem(where, f"{path} was not found: {reason}", hint)])
        self.reason = reason

    def __str__(self) -> str:
        return self.reason


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
        hint = "planning and preparing have no torch: keep readers and data sets in a file that needs none"
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
