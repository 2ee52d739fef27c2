"""To be replaced kind by kind by `tlpy.components.registry`.

Components: a name, a class path, or either with arguments (the first rule of the params grammar).

A registry holds frozen records and imports nothing until a component is built, so that planning
can check names and arguments without torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from tlpy.components import rules
from tlpy.components.loading import load_object
from tlpy.components.registry import as_component
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
