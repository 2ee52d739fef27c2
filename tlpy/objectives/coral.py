"""Correlation alignment of features."""

from __future__ import annotations

from torch import Tensor

from tlpy.objectives.base import Step, Term, nothing


class CORAL(Term):
    """Deep CORAL (Sun 2016): equal covariances of the features

    ‖C_S - C_T‖²_F / (4d²), covariances of the features of labelled and unlabelled images.

    Sun & Saenko 2016, "Deep CORAL", eq. 1; d features. It does not see a shift of the mean. The paper sets
    the weight so that at the end of training this term and the primary one are about as large: with many
    features, of which few matter, that is far more than 1.

    Args:
        heads, weight: see `Term`.
    """

    needs_unlabelled = True
    noun = "correlation alignment (CORAL)"
    cites = (
        "Sun B, Saenko K. Deep CORAL: correlation alignment for deep domain adaptation. ECCV Workshops 2016.",
    )

    aligns = True

    def forward(self, step: Step) -> Tensor:
        if step.features is None or step.unlabelled_features is None:
            return nothing(step)
        if min(len(step.features), len(step.unlabelled_features)) < 2:
            return nothing(step)
        return coral(step.features.float(), step.unlabelled_features.float())


def coral(source: Tensor, target: Tensor) -> Tensor:
    """The distance between the covariances of (n, d) and (m, d) features, n and m at least 2."""
    difference = covariance(source) - covariance(target)
    return difference.square().sum() / (4 * source.shape[1] ** 2)


def covariance(features: Tensor) -> Tensor:
    """(d, d), over n - 1."""
    centred = features - features.mean(0)
    return centred.T @ centred / (len(features) - 1)
