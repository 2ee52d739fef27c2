"""From the objective in a params file to its record. Imports no torch: planning reads it.

An objective in a params file is a term, or a map of terms: `{mse: 1, elastic_penalty: 0.01}`. A number is a
term's weight (for `elastic_penalty`: its alpha), 0 takes the term out.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tlpy.components import rules
from tlpy.errors import InputError, Problem, Problems
from tlpy.objectives.registry import FOR_SEVERAL_LABELS, TERMS, default_primary, without_labels
from tlpy.objectives.term_arguments import complete_term
from tlpy.records import NONE, Head, Terms, task_type


def as_terms(value: Any, where: str) -> dict[str, Any]:
    """The terms of an objective as a params file has it: null, a term's name, or a map of terms."""
    if value is None:
        return {}
    if isinstance(value, str):
        return {value: {}}
    if isinstance(value, Mapping):
        return {str(key): setting for key, setting in value.items()}
    raise InputError([Problem(where, f"expected a term or a map of terms, found {value!r}", "e.g. {mse: 1}")])


def complete_objective(value: Any, heads: Sequence[Head], where: str, started: bool = True) -> Terms:
    """An objective with defaults filled in, its primary term first.

    A term with weight 0 (`elastic_penalty`: alpha and beta 0) is taken out, and so is one that
    needs taken-over weights where there are none: a setting without effect is normalised away.
    What a term asks of the stage's images is checked by `check_fit`.

    Args:
        value: null, a term's name, or a map of terms to a number, true or false, or arguments.
        heads: one for each label that is learnt, the primary one first; none for a stage without labels.
        where: the param's path, for messages.
        started: whether the stage starts from earlier weights.

    Raises:
        InputError: an unknown term or argument, a term that does not fit the task, a bad value, or no term
            that a stage without labels can be trained by.
    """
    problems = Problems()
    kind = task_type(heads)
    terms: Terms = {}
    for name, setting in as_terms(value, where).items():
        try:
            # What is wrong with an own class itself is the objective's, whatever its arguments.
            TERMS.declaration(name, where if "." in name else f"{where}.{name}")
            arguments = _complete(name, setting, heads, f"{where}.{name}")
        except InputError as error:
            problems.extend(error.problems)
            continue
        if arguments is not None and (started or not TERMS.facts(name).needs_start):
            terms[name] = arguments
    problems.raise_if_any()
    primary = [name for name in terms if _is_primary(name, kind)]
    if not primary and kind == NONE:
        hint = f"name the label, or an objective that needs none: {', '.join(without_labels())}"
        raise InputError([Problem(where, "the images have no label to learn", hint)])
    if not primary:
        name = FOR_SEVERAL_LABELS if len(heads) > 1 else default_primary(kind)
        completed = _complete(name, True, heads, where)
        assert completed is not None
        primary, terms[name] = [name], completed
    _check_covered(primary, heads, where)
    others = sorted(name for name in terms if name not in primary)
    return {name: terms[name] for name in [*primary, *others]}


def _complete(name: str, setting: Any, heads: Sequence[Head], where: str) -> dict[str, Any] | None:
    """The arguments of one term; of one with terms of its own for each label also these."""
    arguments = complete_term(name, setting, heads, where)
    if arguments is None or not TERMS.facts(name).per_label:
        return arguments
    return _complete_by_label(arguments, heads, where)


def _is_primary(name: str, kind: str) -> bool:
    facts = TERMS.facts(name)
    return facts.selfsupervised if kind == NONE else facts.primary


def _complete_by_label(arguments: dict[str, Any], heads: Sequence[Head], where: str) -> dict[str, Any]:
    """Weights and the term of every head, filled in."""
    problems = Problems()
    labels = [head.label for head in heads]
    weights, given = arguments["weights"], arguments["terms"]
    given = {} if given is None else given
    if rules.POSITIVE.holds(weights):
        weights = dict.fromkeys(labels, float(weights))
    elif isinstance(weights, Mapping):
        _check_labels(weights, labels, f"{where}.weights", problems)
        for label, weight in weights.items():
            if not rules.FROM_ZERO.holds(weight):
                expected = rules.FROM_ZERO.expected
                problems.add(f"{where}.weights.{label}", f"expected {expected}, found {weight!r}")
        weights = {label: weights.get(label, 1.0) for label in labels}
    elif weights != "uncertainty":
        hint = f"e.g. {{{labels[0]}: 0.5}}"
        problems.add(
            f"{where}.weights", f"expected `uncertainty` or numbers by label, found {weights!r}", hint
        )
    terms: dict[str, Any] = {}
    if not isinstance(given, Mapping):
        problems.add(f"{where}.terms", f"expected terms by label, found {given!r}")
    else:
        _check_labels(given, labels, f"{where}.terms", problems)
        for head in heads:
            try:
                terms[head.label] = complete_objective(
                    given.get(head.label), [head], f"{where}.terms.{head.label}"
                )
            except InputError as error:
                problems.extend(error.problems)
    problems.raise_if_any()
    if isinstance(weights, Mapping):
        weights = {label: float(weight) for label, weight in weights.items()}
    return {**arguments, "weights": weights, "terms": terms}


def _check_labels(value: Mapping[str, Any], labels: Sequence[str], where: str, problems: Problems) -> None:
    for name in value:
        if name not in labels:
            problems.add(f"{where}.{name}", "is no label of this stage", f"labels: {', '.join(labels)}")


def _check_covered(primary: Sequence[str], heads: Sequence[Head], where: str) -> None:
    """Each head is trained by some term."""
    whole = next((name for name in primary if TERMS.facts(name).per_label), None)
    if whole is not None:
        others = ", ".join(name for name in primary if name != whole)
        if others:
            hint = f"give it to its label: {{{whole}: {{terms: {{label: …}}}}}}"
            raise InputError(
                [Problem(where, f"{others} beside {whole}, which has a term for each label", hint)]
            )
        return
    problems = Problems()
    for head in heads:
        tasks = [TERMS.facts(name).tasks for name in primary]
        if not any(not fits or head.type in fits for fits in tasks):
            hint = f"add {default_primary(head.type)}, or use multitask"
            problems.add(where, f"no term learns {head.label} ({head.type})", hint)
    problems.raise_if_any()
