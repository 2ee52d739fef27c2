"""`preprocessing: contract`: images prepared as those that the weights of a chain were trained on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tlpy import words
from tlpy.digests import canonical
from tlpy.errors import InputError, Problem, Problems
from tlpy.plan.plan_records import Inferred
from tlpy.plan.starts import Contracts
from tlpy.plan.working import StageSpec

CONTRACT = "contract"
_HINT = "say the settings themselves, or put the contract.json beside the weights"
Chain = tuple[dict[str, Any], list[StageSpec]]


def without_contract(spec: Mapping[str, Any]) -> dict[str, Any]:
    """A data set's settings, its preprocessing left at the defaults where a contract would give it."""
    return {key: value for key, value in spec.items() if (key, value) != ("preprocessing", CONTRACT)}


def fill_in(chains: Sequence[Chain], contracts: Contracts) -> tuple[list[Chain], list[Inferred]]:
    """The chains with the contracts' settings in place of the word, and what was taken from where.

    A variant without weights, as one from scratch in the same search, gets its images as the others do.

    Raises:
        InputError: a data set asks for a contract, and there is none, or several that differ.
    """
    problems, filled, notes = Problems(), [], dict[Inferred, None]()
    everywhere = dict.fromkeys(spec.weights for _, chain in chains for spec in chain if spec.weights)
    for params, chain in chains:
        asking = [name for name, spec in params["datasets"].items() if spec.get("preprocessing") == CONTRACT]
        if not asking:
            filled.append((params, chain))
            continue
        own = [spec.weights for spec in chain if spec.weights]
        datasets = dict(params["datasets"])
        for name in asking:
            where = f"datasets.{name}.preprocessing"
            try:
                source, settings = _settings(own or everywhere, contracts, where)
            except InputError as error:
                problems.extend(error.problems)
                continue
            datasets[name] = {**datasets[name], "preprocessing": settings}
            notes[
                Inferred(where, words.setting(_said(settings)), f"as the contract beside {source} says")
            ] = None
        filled.append(({**params, "datasets": datasets}, chain))
    problems.raise_if_any()
    return filled, list(notes)


def written_out(params: Mapping[str, Any], chains: Iterable[Chain]) -> dict[str, Any]:
    """The user's params with what the contracts say in place of the word, where all variants agree on it.

    A variant from scratch that wins has to run by itself, without the weights whose contract it was.
    """
    datasets = dict(params["datasets"])
    for name, spec in datasets.items():
        if spec.get("preprocessing") != CONTRACT:
            continue
        settings = [one["datasets"][name]["preprocessing"] for one, _ in chains]
        found = {canonical(one): one for one in settings}
        if len(found) == 1:
            datasets[name] = {**spec, "preprocessing": next(iter(found.values()))}
    return {**params, "datasets": datasets}


def _settings(weights: Iterable[str | None], contracts: Contracts, where: str) -> tuple[str, dict[str, Any]]:
    """The settings that all these files agree on, and the first of them."""
    found: dict[str, tuple[str, dict[str, Any]]] = {}
    for file in weights:
        assert file
        contract = contracts.of(file)
        if contract is None:
            message = (
                f"{CONTRACT}: {file} came without a contract.json that says how its images were prepared"
            )
            raise InputError([Problem(where, message, _HINT)])
        try:
            settings = _prepared(contract["images"])
        except (KeyError, TypeError):
            message = f"{CONTRACT}: the contract beside {file} does not say how its images were prepared"
            raise InputError([Problem(where, message, _HINT)]) from None
        found.setdefault(canonical(settings), (file, settings))
    if not found:
        raise InputError([Problem(where, f"{CONTRACT}: no stage starts from weights", _HINT)])
    if len(found) > 1:
        files = words.joined([file for file, _ in found.values()])
        raise InputError(
            [Problem(where, f"{CONTRACT}: those of {files} differ", "say the settings themselves")]
        )
    return next(iter(found.values()))


def _prepared(images: Mapping[str, Any]) -> dict[str, Any]:
    """What a params file would say to get such images, of the size that came out."""
    settings = dict(images["preprocessing"])
    if images["dims"] > 1 and settings.get("size") is None:
        settings["size"] = list(images["size"])
    return {key: value for key, value in settings.items() if value is not None or key in ("orient",)}


def _said(settings: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in settings.items() if value is not None}
