"""What planning knows of a component: what it takes and what it says of itself, read from its source."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, Generic, TypeVar, cast

from tlpy.components import rules
from tlpy.components.described import Described, Parameter
from tlpy.components.facts import Facts, declared
from tlpy.components.relations import check_named
from tlpy.errors import Problems

FactsT = TypeVar("FactsT", bound=Facts)


@dataclass(frozen=True)
class Form:
    """One make that the components of a kind may have.

    Attributes:
        expected: in words.
        methods: those it must have, as `name(arguments)`.
        bases: one of these must be among its ancestors; empty: any own class will do.
        elsewhere: the same for one that is neither ours nor an own one; empty: `bases`.
        positional: how many arguments it is given by position, before those of a params file.
        given: those that it is given by name.
        hidden: those that are no business of a params file, though it takes them.
        values: what arguments must be, by name, where their annotations tell less.
        function: whether a function will do, too: one of ours that has a name, or an own one.
        neither: what is said of a class that has none of the methods; empty: which it lacks.
    """

    expected: str
    methods: tuple[str, ...] = ()
    bases: tuple[str, ...] = ()
    elsewhere: tuple[str, ...] = ()
    positional: int = 0
    given: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    values: Mapping[str, rules.Rule] = field(default_factory=dict)
    function: bool = False
    neither: str = ""

    @property
    def ancestors(self) -> tuple[str, ...]:
        """What a class that is no own one must descend from: one of these."""
        return self.elsewhere or self.bases


@dataclass(frozen=True)
class Declaration(Generic[FactsT]):
    """A component as planning knows it.

    Attributes:
        name: as in a params file.
        facts: what it says of itself.
        summary: its docstring's first paragraph; empty where the source is not in sight.
        place: file and line of an own one, or of one of a package; empty for ours.
        parameters: the arguments that a params file may give; None where nobody can tell.
        anything: whether it takes further ones.
        expected: what it is to be, in words.
    """

    name: str
    facts: type[FactsT]
    summary: str = ""
    place: str = ""
    parameters: Mapping[str, Parameter] | None = None
    anything: bool = False
    expected: str = ""

    @property
    def shown(self) -> str:
        """The name as messages give it."""
        return f"{self.name} ({self.place})" if self.place else self.name

    @property
    def defaults(self) -> dict[str, Any]:
        """The arguments that have a default, as a record has it."""
        return {
            name: rules.settled(known.default, known.annotation, known.default)
            for name, known in (self.parameters or {}).items()
            if known.read and not known.required
        }


def declare(
    name: str, found: Described, form: Form, facts: type[FactsT], place: str, where: str, problems: Problems
) -> Declaration[FactsT]:
    """The declaration of a class or function, as its source shows it.

    Args:
        name: as in a params file.
        found: what its source shows.
        form: what it is to be.
        facts: what its kind may say of itself.
        place: file and line, for messages; empty for ours.
        where: the param's path.
        problems: takes what keeps it from being a component of its kind, each once for its `name`.
    """
    title = f"{name} ({place})" if place else name
    _check_form(name, found, form, title, where, problems)
    said = _said(name, found, facts, title, where, problems)
    if found.signature is None:
        return Declaration(name, said, found.summary, place, expected=form.expected)
    apart = {*form.given, *form.hidden}
    known = {
        p.name: _narrowed(p, form)
        for p in found.signature.parameters[form.positional :]
        if p.name not in apart
    }
    if not found.signature.anything:
        ordered = [argument for pair in said.ascending for argument in pair]
        check_named("ascending", ordered, known, "argument", (name, title), where, problems)
    return Declaration(name, said, found.summary, place, known, found.signature.anything, form.expected)


def _narrowed(parameter: Parameter, form: Form) -> Parameter:
    """A parameter with the rule that its form has for it."""
    if parameter.name not in form.values:
        return parameter
    return replace(parameter, annotation=Annotated[parameter.annotation, form.values[parameter.name]])


def _check_form(name: str, found: Described, form: Form, title: str, where: str, problems: Problems) -> None:
    hint = f"expected {form.expected}"
    if not found.is_class:
        if not form.function:
            problems.add(where, f"{title} is a function", hint, about=name)
    elif form.bases and found.closed and not set(found.lineage) & set(form.bases):
        problems.add(where, f"{title} is no subclass of {form.bases[0]}", hint, about=name)
        return
    elif found.closed:
        lacking = [text for text in form.methods if text.partition("(")[0] not in found.methods]
        if lacking:
            lacks = f"lacks {' and '.join(lacking)}"
            nothing = form.neither and len(lacking) == len(form.methods)
            problems.add(where, f"{title} {form.neither if nothing else lacks}", hint, about=name)
            return
    if found.signature is None or found.signature.anything:
        return
    for argument in form.given:
        if argument not in found.signature.names:
            problems.add(where, f"{title} does not take '{argument}'", hint, about=name)


def _said(
    name: str, found: Described, facts: type[FactsT], title: str, where: str, problems: Problems
) -> type[FactsT]:
    """The facts of a kind with what one component says otherwise."""
    said = {}
    for fact, annotation in declared(facts).items():
        constant, rule = found.constant(fact), rules.rule_for(annotation)
        if constant is None:
            continue
        if constant.read and (rule is None or rule.holds(constant.value)):
            value = rules.settled(constant.value, annotation)
            said[fact] = _as_tuple(value)
            continue
        shown = repr(constant.value) if constant.read else "what only running it would tell"
        hint = "" if constant.read else "planning reads the file without running it: write the value out"
        expected = rule.expected if rule else "a value"
        problems.add(where, f"{title}: `{fact}` is {shown}, expected {expected}", hint, about=name)
    return cast("type[FactsT]", type(facts.__name__, (facts,), said))


def _as_tuple(value: Any) -> Any:
    """A list, and any within it, as the tuple that a fact is."""
    return tuple(_as_tuple(item) for item in value) if isinstance(value, list) else value
