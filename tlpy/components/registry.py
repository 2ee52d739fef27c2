"""Components: a name, a class path, or either with arguments (the first rule of the params grammar).

A registry maps names to class paths and nothing else: what a component takes and says of itself stands in its
class, and is read from the source (`tlpy.components.source`), so that planning imports none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Generic

from tlpy.components import rules
from tlpy.components.admission import Admission
from tlpy.components.copies import copied
from tlpy.components.declarations import Declaration, FactsT, Form, declare
from tlpy.components.described import Parameter
from tlpy.components.loading import load_object
from tlpy.components.relations import check_ascending
from tlpy.components.sources import sources
from tlpy.errors import InputError, Problem, Problems, nearest


class Registry(Generic[FactsT]):
    """The components of one kind.

    Args:
        kind: in words.
        facts: what such components say of themselves.
        paths: name → class path, `package.module.Class`.
        forms: what one may be; a class that is of none of their bases is judged by the last.
        makes: class path of what each one makes, checked when it is made; empty: that differs.
    """

    def __init__(
        self, kind: str, facts: type[FactsT], paths: Mapping[str, str], *forms: Form, makes: str = ""
    ) -> None:
        self.kind, self.paths, self.forms = kind, dict(paths), forms
        self._facts, self._makes = facts, makes
        bases = [base for form in forms for base in form.ancestors]
        known = frozenset(self.paths.values())
        self._admission = Admission(known, tuple(dict.fromkeys(bases)) or ((makes,) if makes else ()))
        self._declared: dict[str, Declaration[FactsT]] = {}
        self._completed: dict[str, dict[str, Any]] = {}
        self._edition = -1

    def __contains__(self, name: object) -> bool:
        return name in self.paths

    def names(self) -> list[str]:
        return list(self.paths)

    def path(self, name: str, where: str | None = None) -> str:
        """The class path behind a name, or a class path itself.

        Raises `InputError` with the nearest valid name.
        """
        if "." in name:
            return name.replace(":", ".")
        try:
            return self.paths[name]
        except KeyError:
            hint = nearest(name, self.names())
            raise InputError([Problem(where or self.kind, f"unknown {self.kind} '{name}'", hint)]) from None

    def declaration(self, name: str, where: str | None = None) -> Declaration[FactsT]:
        """What a component takes and says of itself.

        Raises:
            InputError: an unknown name; a class path that leads nowhere, or to something of another kind.
        """
        if self._edition != sources.edition:
            self._declared, self._completed, self._edition = {}, {}, sources.edition
        if name not in self._declared:
            self._declared[name] = self._declare(name, where or self.kind)
        return self._declared[name]

    def facts(self, name: str, where: str | None = None) -> type[FactsT]:
        """What a component says of itself; raises as `declaration`."""
        return self.declaration(name, where).facts

    def _declare(self, name: str, where: str) -> Declaration[FactsT]:
        path, own = self.path(name, where), name not in self
        self._admission.check_path(path, name, where)
        found = sources.find(path, name, where)
        self._admission.check_source(path, name, where)
        if found is None:
            return Declaration(name, self._facts)
        lineage = set(found.lineage)
        form = next((form for form in self.forms if lineage & set(form.bases)), self.forms[-1])
        problems = Problems()
        place = sources.place(found) if own else ""
        declaration = declare(name, found, form, self._facts, place, where, problems)
        problems.raise_if_any()
        return declaration

    def complete(self, value: Any, where: str) -> dict[str, Any]:
        """`value` as `{"name": …, **arguments}`: defaults filled in, each checked and written in one way.

        Args:
            value: a name, a class path, or either with arguments.
            where: the param's path, for messages.

        Raises:
            InputError: an unknown name or argument, one that is missing, or a value out of range; arguments
                that do not go together.
        """
        given = as_component(value, where)
        name = given.pop("name")
        declaration = self.declaration(name, where)
        known = declaration.parameters
        if known is None:
            return {"name": name, **given}
        # A search of a thousand variants asks for the same few components thousands of times.
        asked = repr((name, given))
        if asked in self._completed:
            return copied(self._completed[asked])
        problems = Problems()
        title = declaration.shown if declaration.place else f"{self.kind} '{name}'"
        unknown = [] if declaration.anything else [key for key in given if key not in known]
        for key in unknown:
            problems.add(f"{where}.{key}", f"{title} takes no '{key}'", nearest(key, list(known)))
        missing = [key for key, parameter in known.items() if parameter.required and key not in given]
        if missing and not unknown:
            _add_missing(missing, known, title, where, problems)
        check(given, known, where, problems)
        problems.raise_if_any()
        written = {
            key: rules.settled(item, known[key].annotation, known[key].default) if key in known else item
            for key, item in given.items()
        }
        completed = {"name": name, **declaration.defaults, **written}
        check_ascending(declaration.facts, completed, where, problems)
        problems.raise_if_any()
        self._completed[asked] = copied(completed)
        return completed

    def admit(self, name: str, where: str | None = None) -> None:
        """Raise `InputError` for what a record may not name; nothing is imported."""
        self._admission.check_source(self.path(name, where), name, where or self.kind)

    def load(self, name: str, where: str | None = None) -> Any:
        """The object behind a registered name or a class path (`my_module.MyNet`), checked before and after.

        Raises:
            InputError: it is no component of this kind (`tlpy.components.admission`).
            NotFoundError: which is an `InputError`: a class path that leads nowhere.
        """
        path, where = self.path(name, where), where or self.kind
        self._admission.check_source(path, name, where)
        found = load_object(path, where)
        self._admission.check_object(path, name, found, where)
        return found

    def make(self, component: Mapping[str, Any], *given: Any, where: str | None = None, **more: Any) -> Any:
        """What a record asks for, made and checked.

        Args:
            component: completed: a name, or a class path, with arguments.
            given, more: what it is given besides, by position and by name.
            where: for messages.

        Raises:
            InputError: a class path that leads nowhere, arguments that it does not take, or something else
                made than was expected.
        """
        name, where = component["name"], where or self.kind
        arguments = {key: value for key, value in component.items() if key != "name"}
        maker = self.load(name, where)
        kind = load_object(self._makes) if self._makes else object
        try:
            made = maker(*given, **more, **arguments)
        except TypeError as error:
            if isinstance(maker, type) and not issubclass(maker, kind):
                message = f"{name} is not a subclass of {self._makes}"
                raise InputError([Problem(where, message)]) from error
            expected = self.declaration(name, where).expected or self.forms[-1].expected
            raise InputError([Problem(where, f"{name}: {error}", f"expected {expected}")]) from error
        if not isinstance(made, kind):
            message = f"{name} gives {type(made).__name__}, expected a {self._makes}"
            raise InputError([Problem(where, message)])
        return made


def as_component(value: Any, where: str = "component") -> dict[str, Any]:
    """A component in its long form: `"x"` and `{"name": "x", …}` both become a dict with a name.

    Raises:
        InputError: it is neither.
    """
    if isinstance(value, str):
        return {"name": value}
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise InputError([Problem(where, f"expected a name, or a map with a name, found {value!r}")])
    return dict(value)


def _add_missing(
    missing: Sequence[str], known: Mapping[str, Parameter], title: str, where: str, problems: Problems
) -> None:
    """Add what is to be given, each with its rule; those without one together."""
    unruled = []
    for key in missing:
        if rule := rules.rule_for(known[key].annotation):
            problems.add(f"{where}.{key}", f"expected {rule.expected}, found nothing", f"{title} needs it")
        else:
            unruled.append(key)
    if unruled:
        hint = "give it as {name: …, argument: value}"
        problems.add(where, f"{title} needs {', '.join(unruled)}", hint)


def check(
    arguments: Mapping[str, Any], parameters: Mapping[str, Parameter], where: str, problems: Problems
) -> None:
    """Add a problem for each argument that is not what its annotation says, but for a default of null."""
    for key, value in arguments.items():
        known = parameters.get(key)
        rule = rules.rule_for(known.annotation) if known else None
        if known is None or rule is None:
            continue
        if value is None and known.default is None and known.read and not known.required:
            continue
        if not rule.holds(value):
            problems.add(f"{where}.{key}", f"expected {rule.expected}, found {value!r}")
