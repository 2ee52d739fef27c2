"""What the report and the methods text say of who was in which part: each sentence from the plan's record."""

from __future__ import annotations

from tlpy import words
from tlpy.plan.plan_records import DatasetFacts, Plan
from tlpy.report.sections import escape


def how_split(plan: Plan, past: bool) -> str:
    """Sentences on how each data set was split, and what that promises.

    Args:
        past: as in a paper.
    """
    alike: dict[str, list[str]] = {}
    for name, facts in plan.datasets.items():
        alike.setdefault(_way(facts), []).append(f"'{escape(name)}'")
    sentences = [_sentence(names, way, past) for way, names in alike.items()]
    return " ".join([*sentences, *_promise(plan, past), *_equal(plan, past)])


def are_people_apart(plan: Plan) -> bool:
    """Whether nobody is in two parts, as far as the ids of people and equal images tell."""
    return all(
        facts.people_named and not facts.within and not (facts.equal and facts.official_split)
        for facts in plan.datasets.values()
    )


def _way(facts: DatasetFacts) -> str:
    """How a data set was split: what follows its name and `was` or `is`."""
    if facts.split_given:
        way = "split as a table gave it"
    elif facts.official_split:
        way = "used in its official parts"
    else:
        by = "image" if not facts.people_named and facts.split_by == "subject" else facts.split_by
        way = f"split by {escape(by)}"
        if facts.within:
            way = f"split within subjects, by {escape(by)}"
        if facts.heads:
            way += f", stratified by {escape(facts.heads[0].label)}"
    if facts.within:
        way += " (its parts share people)"
    if not facts.people_named:
        way += "; it does not tell whose images they are, so that one person may be in several parts"
    return way


def _sentence(names: list[str], way: str, past: bool) -> str:
    several = len(names) > 1
    is_ = ("were" if several else "was") if past else ("are" if several else "is")
    if several:
        way = way.replace("its official parts", "their official parts").replace("its parts", "their parts")
        way = way.replace("; it does not", "; they do not")
    return f"{'Data sets' if several else 'Data set'} {words.joined(names)} {is_} {way}."


def _promise(plan: Plan, past: bool) -> list[str]:
    is_ = "was" if past else "is"
    if len(plan.datasets) == 1:
        return [f"Nobody {is_} in two parts."] if are_people_apart(plan) else []
    joint = f"Splits {'were' if past else 'are'} joint over all data sets"
    if are_people_apart(plan):
        return [f"{joint}, so that nobody trained on in one {is_} tested on in another."]
    return [f"{joint}: people who {'were' if past else 'are'} named alike fall into one part."]


def _equal(plan: Plan, past: bool) -> list[str]:
    equal = sum(facts.equal for facts in plan.datasets.values())
    if not equal:
        return []
    kept = any(facts.official_split for facts in plan.datasets.values() if facts.equal)
    but = ", but for official parts, which are kept" if kept else ""
    fall = "fell" if past else "fall"
    return [f"Equal images under several ids ({equal:,}) {fall} into one part{but}."]
