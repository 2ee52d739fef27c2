"""What a component says of itself by plain class attributes, read by planning without running it."""

from __future__ import annotations

from typing import Any, ClassVar, get_type_hints


class Facts:
    """What any component may say of itself. A kind of component adds its own in a subclass.

    Each attribute is declared once, with its type and default; a component writes out what differs.

    Attributes:
        cites: what a paper that used it is to cite, each as a reference.
        ascending: pairs of its arguments of which the first must be below the second.
        noun: what it is called in the methods text; empty: by its name.
    """

    cites: ClassVar[tuple[str, ...]] = ()
    ascending: ClassVar[tuple[tuple[str, str], ...]] = ()
    noun: ClassVar[str] = ""


def declared(facts: type[Facts]) -> dict[str, Any]:
    """The facts of a kind: name → annotation."""
    return get_type_hints(facts, include_extras=True)
