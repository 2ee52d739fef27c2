"""What the source of a class or function shows."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Parameter:
    """One argument of a function.

    Attributes:
        required: it has no default.
        default: its default; None where the source does not show it.
        read: whether the source shows the default.
        annotation: what it is annotated with; `Any` where that means nothing here.
    """

    name: str
    required: bool = False
    default: Any = None
    read: bool = True
    annotation: Any = Any


@dataclass(frozen=True)
class Signature:
    """The arguments of a function, without `self`.

    Attributes:
        parameters: those that can be given by name.
        anything: whether it takes further ones (`**kwargs`), and nobody can tell which.
    """

    parameters: tuple[Parameter, ...] = ()
    anything: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(parameter.name for parameter in self.parameters)


@dataclass(frozen=True)
class Constant:
    """A value that a class gives a name.

    Attributes:
        value: the value; None where `read` is false.
        read: whether the source shows the value: it is written out, there or under the name that is used.
    """

    value: Any
    read: bool = True


@dataclass
class Described:
    """A class or function as its source shows it.

    Attributes:
        path: its dotted name, where it is defined.
        file, line: where that is.
        is_class: a class, not a function.
        summary: the first line of its docstring.
        methods: those that do something (abstract ones do not count), inherited ones included.
        lineage: dotted name of itself and of all bases, nearest first, and what each gives names.
        signature: how it is made; None where that is inherited from a class not in sight.
        closed: every base was found; else there may be more methods and ancestors.
        fields: those of a dataclass, inherited ones included.
    """

    path: str
    file: Path
    line: int
    is_class: bool
    summary: str = ""
    methods: set[str] = field(default_factory=set)
    lineage: dict[str, dict[str, Constant]] = field(default_factory=dict)
    signature: Signature | None = None
    closed: bool = True
    fields: tuple[Parameter, ...] = ()

    @property
    def ancestors(self) -> list[str]:
        """Dotted names of all bases, nearest first."""
        return [name for name in self.lineage if name != self.path]

    def constant(self, name: str) -> Constant | None:
        """What the class, or the nearest base that says so, gives a name."""
        return next((given[name] for given in self.lineage.values() if name in given), None)
