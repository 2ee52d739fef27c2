"""Whether weights that were trained on vectors meet the same features again: their first layer knows them."""

from __future__ import annotations

from tlpy.errors import Problem
from tlpy.plan.working import DataSet


def features_differ(one: DataSet, other: DataSet, where: str, doing: str) -> list[Problem]:
    """A problem where two data sets of one network have other features.

    Args:
        one, other: the data sets; images have no features, and are not looked at.
        where: the param's path, for the message.
        doing: what brings them together, e.g. `trained jointly`.
    """
    if not (one.vectors or other.vectors):
        return []
    if one.vectors != other.vectors:
        vector, image = (one, other) if one.vectors else (other, one)
        message = f"'{vector.name}' holds vectors and '{image.name}' images: they cannot be {doing}"
        return [Problem(where, message)]
    if one.size != other.size:
        found = f"'{one.name}' has {one.size[0]:,} and '{other.name}' {other.size[0]:,}"
        message = f"data sets that are {doing} need the same features: {found}"
        return [Problem(where, message, "say which columns: reader.features")]
    pairs = enumerate(zip(one.features, other.features, strict=False))
    apart = next(((place, names) for place, names in pairs if names[0] != names[1]), None)
    if apart is None:
        return []
    place, (mine, theirs) = apart
    same = set(one.features) == set(other.features)
    what = "their features in another order" if same else "other features"
    first = f"number {place} is '{mine}' in '{one.name}', '{theirs}' in '{other.name}'"
    return [Problem(where, f"data sets that are {doing} have {what}: {first}", "bring their columns in line")]


def scales_differ(one: DataSet, other: DataSet, where: str) -> list[Problem]:
    """A problem where vectors that are trained jointly would be on two scales."""
    scales = [data.wanted.request["preprocessing"]["normalise"] for data in (one, other)]
    if not (one.vectors and other.vectors) or scales[0] == scales[1]:
        return []
    message = f"the features of '{one.name}' and '{other.name}', trained jointly, are on two scales"
    return [Problem(where, message, "say the same `preprocessing.normalise` in both")]
