"""What the report and the methods text say of who was in which part."""

from __future__ import annotations

from tlpy.plan.plan_records import Plan
from tlpy.report.sections import escape


def exceptions(plan: Plan, past: bool) -> str:
    """Sentences on what is not split by subject alone: within subjects, given by a table, equal images.

    Each starts with a space; "" where there is nothing to say. `past`: as in a paper.
    """
    is_, fall = ("was", "fell") if past else ("is", "fall")
    text = ""
    for name, facts in plan.datasets.items():
        if facts.within:
            shared = "shared" if past else "share"
            by = escape(facts.split_by)
            text += (
                f" Data set '{escape(name)}' {is_} split within subjects, by {by}: its parts {shared} people."
            )
        if facts.split_given:
            text += f" The parts of '{escape(name)}' {'were' if past else 'are'} given by a table."
    equal = sum(facts.equal for facts in plan.datasets.values())
    if equal:
        kept = any(facts.official_split for facts in plan.datasets.values() if facts.equal)
        but = ", but for official parts, which are kept" if kept else ""
        text += f" Equal images under several ids ({equal:,}) {fall} into one part{but}."
    return text


def are_people_apart(plan: Plan) -> bool:
    """Whether nobody, as far as ids tell, is in two parts."""
    return not any(facts.within for facts in plan.datasets.values())
