"""What choosing gives where each fold has another test part: chosen inside each fold, by its own validation.

Over folds, a variant's validation images are test images of other folds. Who takes the best mean over all
folds has let every test image choose, and its mean test score is too good: on noise it lies well above chance.
Choosing inside each fold uses nothing of the images which that fold tests (nested cross-validation; Cawley &
Talbot 2010, On Over-fitting in Model Selection and Subsequent Selection Bias in Performance Evaluation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tlpy.evaluation.outcomes import Outcome

Order = Callable[[Outcome], tuple[float, ...]]


def in_folds(outcomes: Sequence[Outcome]) -> bool:
    """Whether the replicates are folds."""
    return any(replicate.fold is not None for outcome in outcomes for replicate in outcome.replicates)


def chosen_in_each_fold(outcomes: Sequence[Outcome], order: Order) -> Outcome | None:
    """The replicates of whichever variant is best in each fold, as one outcome.

    Args:
        outcomes: those to choose among.
        order: the lower, the better; asked of each variant with the replicates of one fold only.

    Returns:
        An outcome whose `picks` tell the variant of each fold; None where no fold has a finished variant. It
        goes by the record of the variant that was chosen most often.
    """
    folds = sorted({r.fold for outcome in outcomes for r in outcome.replicates if r.fold is not None})
    picks: dict[int, Outcome] = {}
    for fold in folds:
        alone = [_only(outcome, fold) for outcome in outcomes]
        able = [outcome for outcome in alone if outcome.status != "failed"]
        if able:
            picks[fold] = min(able, key=order)
    if not picks:
        return None
    ids = [pick.id for pick in picks.values()]
    most = max(picks.values(), key=lambda pick: ids.count(pick.id))
    return replace(
        most,
        replicates=[replicate for pick in picks.values() for replicate in pick.replicates],
        resampled={key: values for pick in picks.values() for key, values in pick.resampled.items()},
        picks={fold: pick.id for fold, pick in picks.items()},
        rank=None,
    )


def _only(outcome: Outcome, fold: int) -> Outcome:
    return replace(
        outcome,
        replicates=[replicate for replicate in outcome.replicates if replicate.fold == fold],
        resampled={key: values for key, values in outcome.resampled.items() if key[1] == fold},
    )
