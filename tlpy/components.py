"""Components: a name, a class path, or either with arguments (the first rule of the params grammar).

A registry holds frozen records and imports nothing until a component is built, so that planning
can check names and arguments without torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from typing import Any, Generic, TypeVar

from tlpy.errors import InputError, Problem, nearest


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

    def load(self, name: str) -> Any:
        """The object behind a registered name or a class path (`my_module.MyNet`)."""
        return load_object(name if "." in name else self.entry(name).target)


def as_component(value: Any) -> dict[str, Any]:
    """A component in its long form: `"x"` and `{"name": "x", …}` both become a dict with a name."""
    if isinstance(value, str):
        return {"name": value}
    return dict(value)


def load_object(path: str) -> Any:
    """Import `package.module:attribute` or `package.module.Attribute`."""
    module_name, separator, attribute = path.partition(":")
    if not separator:
        module_name, _, attribute = path.rpartition(".")
    return getattr(import_module(module_name), attribute)
