"""What a term says of itself by plain class attributes. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import ClassVar, Literal

from tlpy.components.facts import Facts


class TermFacts(Facts):
    """What a term asks of a stage, and how a params file speaks of it.

    A term writes out what differs; a subclass says what its base says, unless it says otherwise.

    Attributes:
        primary: it measures the prediction, so that a stage can be trained by it alone.
        tasks: the types of label it is for; empty: all.
        selfsupervised: it can be the only term of a stage without labels.
        beside_labels: though it needs no labels, it leaves those alone that there are.
        needs_unlabelled: a stage with it must have `unlabelled` images.
        needs_start: it has an effect only where weights were taken over.
        averages: it holds a moving average of the network, which is then what is judged and kept; with an
            argument `ema` of 0 it holds none.
        decays: it pulls weights towards something, as the optimizer's weight decay does.
        dims: the numbers of spatial axes it works in.
        vectors: whether it makes sense for vectors, whose features have no neighbours.
        conflicts: augmentations it must not be trained with, since they change what it asks for.
        number: the argument that a bare number sets.
        strengths: the arguments without which, all being 0, it does nothing.
        augmentations: its arguments that are augmentations.
        per_label: it trains each label by terms of its own, in its arguments `weights` and `terms`.
        cites_with: what it is to cite besides where an argument has some value: (argument, value, reference).
        bins: its arguments `low`, `high` and `bins` say what the outputs of a regression's head stand for.
    """

    primary: ClassVar[bool] = False
    tasks: ClassVar[tuple[Literal["regression", "binary", "multiclass", "multilabel"], ...]] = ()
    selfsupervised: ClassVar[bool] = False
    beside_labels: ClassVar[bool] = False
    needs_unlabelled: ClassVar[bool] = False
    needs_start: ClassVar[bool] = False
    averages: ClassVar[bool] = False
    decays: ClassVar[bool] = False
    dims: ClassVar[tuple[Literal[1, 2, 3], ...]] = (1, 2, 3)
    vectors: ClassVar[bool] = True
    conflicts: ClassVar[tuple[str, ...]] = ()
    number: ClassVar[str] = "weight"
    strengths: ClassVar[tuple[str, ...]] = ("weight",)
    augmentations: ClassVar[tuple[str, ...]] = ()
    per_label: ClassVar[bool] = False
    cites_with: ClassVar[tuple[tuple[str, str, str], ...]] = ()
    bins: ClassVar[bool] = False
