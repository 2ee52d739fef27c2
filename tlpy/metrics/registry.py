"""The metrics: what each is called, which way is better, and how to compute it. NumPy only.

The one place where a prediction is scored: training, ranking and the report all come here, so that equal
predictions give equal numbers everywhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from tlpy.errors import InputError, Problem, nearest
from tlpy.metrics import formulas
from tlpy.metrics.formulas import Array

Formula = Callable[[Array, Array, Array], Array]
Scale = Literal["share", "error", "explained", "correlation"]
"""What values a metric can have: 0 to 1; 0 and above; 1 and below; −1 to 1."""


@dataclass(frozen=True)
class Metric:
    """One metric.

    Attributes:
        name: the name in params files, metrics.json and the leaderboard.
        label: the name for people.
        formulas: how to compute it, by task type.
        lower_is_better: true for errors and losses.
        in_label_units: true where the value has the label's unit (years, for an age).
        format: how to print a value.
        meaning: half a sentence for captions.
        scale: on which intervals are worked out (`tlpy.evaluation.scales`).
    """

    name: str
    label: str
    formulas: Mapping[str, Formula]
    lower_is_better: bool = False
    in_label_units: bool = False
    format: str = "{:.3f}"
    meaning: str = ""
    scale: Scale = "share"

    @property
    def tasks(self) -> tuple[str, ...]:
        return tuple(self.formulas)

    @property
    def zero_is_chance(self) -> bool:
        """Whether guessing scores about zero, so that a percentage of a score may be noise."""
        return self.scale in ("explained", "correlation")

    @property
    def in_sentence(self) -> str:
        """The label within a sentence: `mean absolute error`, but `AUROC` and `R²`."""
        first, second = self.label[0], self.label[1:2]
        return self.label if not second.islower() or "'" in self.label else first.lower() + self.label[1:]

    @property
    def direction(self) -> str:
        return "lower is better" if self.lower_is_better else "higher is better"

    def better(self, a: float, b: float) -> bool:
        """Whether `a` beats `b`; a NaN never wins."""
        if np.isnan(a) or np.isnan(b):
            return bool(np.isnan(b) and not np.isnan(a))
        return a < b if self.lower_is_better else a > b

    def show(self, value: float | None) -> str:
        return "n/a" if value is None or not np.isfinite(value) else self.format.format(value)

    def signed(self, value: float) -> str:
        """A difference of two values: `+0.031`, `−1.20`."""
        shown = self.show(abs(value))
        if not np.isfinite(value) or not float(shown):
            return shown
        return f"{'−' if value < 0 else '+'}{shown}"


_ALL = (
    Metric("mae", "Mean absolute error", {"regression": formulas.mae}, True, True, "{:.2f}",
           "average distance between predicted and true value", scale="error"),
    Metric("rmse", "Root mean squared error", {"regression": formulas.rmse}, True, True, "{:.2f}",
           "like the mean absolute error, but large misses count more", scale="error"),
    Metric("r2", "R²", {"regression": formulas.r2},
           meaning="share of variance explained; 0 is as good as predicting the mean",
           scale="explained"),
    Metric("r", "Pearson's r", {"regression": formulas.r}, meaning="linear correlation with the true value",
           scale="correlation"),
    Metric("auroc", "AUROC", {"binary": formulas.auroc, "multiclass": formulas.multiclass_auroc,
                              "multilabel": formulas.over_labels(formulas.auroc)},
           meaning="chance that a random case scores above a random non-case; 0.5 is guessing"),
    Metric("average_precision", "Average precision",
           {"binary": formulas.average_precision,
            "multilabel": formulas.over_labels(formulas.average_precision)},
           meaning="area under the precision-recall curve; guessing gives the share of cases"),
    Metric("accuracy", "Accuracy",
           {"binary": formulas.accuracy, "multiclass": formulas.multiclass_accuracy,
            "multilabel": formulas.over_labels(formulas.accuracy)},
           meaning="share of correct calls; misleading when classes are unequal"),
    Metric("balanced_accuracy", "Balanced accuracy",
           {"binary": formulas.balanced_accuracy, "multiclass": formulas.multiclass_balanced_accuracy,
            "multilabel": formulas.over_labels(formulas.balanced_accuracy)},
           meaning="mean sensitivity over the classes"),
    Metric("sensitivity", "Sensitivity", {"binary": formulas.sensitivity},
           meaning="share of cases found"),
    Metric("specificity", "Specificity", {"binary": formulas.specificity},
           meaning="the same for non-cases"),
    Metric("f1", "F1", {"binary": formulas.f1, "multiclass": formulas.multiclass_f1,
                        "multilabel": formulas.over_labels(formulas.f1)},
           meaning="harmonic mean of precision and sensitivity"),
    Metric("log_loss", "Log loss",
           {"binary": formulas.log_loss, "multiclass": formulas.multiclass_log_loss,
            "multilabel": formulas.over_labels(formulas.log_loss)}, True,
           meaning="−log of the probability given to the true class", scale="error"),
    Metric("loss", "Loss", {"none": formulas.undefined}, True, format="{:.4f}",
           meaning="what the objective of a training without labels gives on images it has not seen",
           scale="error"),
)  # fmt: skip

METRICS: dict[str, Metric] = {metric.name: metric for metric in _ALL}

_PRIMARY = {
    "regression": "mae",
    "binary": "auroc",
    "multiclass": "auroc",
    "multilabel": "auroc",
    "none": "loss",
}


def primary(task_type: str) -> str:
    """The metric that a task is selected by when the user names none. Raises `InputError`."""
    if task_type not in _PRIMARY:
        raise InputError(
            [Problem("task", f"no metrics for task '{task_type}'", nearest(task_type, list(_PRIMARY)))]
        )
    return _PRIMARY[task_type]


def names(task_type: str) -> list[str]:
    """The metrics of a task, the primary one first."""
    first = primary(task_type)
    return [first] + [m.name for m in _ALL if task_type in m.formulas and m.name != first]


def check(name: str, task_type: str, where: str = "metric") -> Metric:
    """The metric called `name`, if it fits the task; raises `InputError` naming `where` otherwise."""
    metric = METRICS.get(name)
    if metric is None or task_type not in metric.formulas:
        raise InputError(
            [Problem(where, f"no metric '{name}' for {task_type}", nearest(name, names(task_type)))]
        )
    return metric


def compute(task_type: str, true: ArrayLike, score: ArrayLike) -> dict[str, float]:
    """Every metric of a task.

    Args:
        task_type: regression, binary, multiclass or multilabel.
        true: (n,): label units; 0 or 1; class indices; (n, labels) of 0, 1 and, where unknown, NaN.
        score: (n,) prediction in label units; (n,) probability of class 1; (n, classes) probabilities;
            (n, labels) probabilities.

    Returns:
        name → value, the primary metric first. NaN where undefined: no cases, one class only, a constant, or
        scores that are not finite (a training that diverged).
    """
    return {name: float(resampled(name, task_type, true, score)[0]) for name in names(task_type)}


def resampled(
    name: str, task_type: str, true: ArrayLike, score: ArrayLike, weights: Array | None = None
) -> Array:
    """One metric in every resample.

    Args:
        weights: (resamples, n), how often each case was drawn; None: each case once.

    Returns:
        (resamples,) values.

    Raises:
        InputError: no such metric for this task.
        ValueError: the shapes do not fit each other.
    """
    formula = check(name, task_type).formulas[task_type]
    true_, score_ = _arrays(task_type, true, score)
    drawn = np.ones((1, len(true_))) if weights is None else weights
    if drawn.ndim != 2 or drawn.shape[1] != len(true_):
        raise ValueError(f"weights must be (resamples, {len(true_)}), got {drawn.shape}")
    unknown = task_type != "multilabel" and not np.isfinite(true_).all()
    if len(true_) == 0 or not np.isfinite(score_).all() or unknown:
        return np.full(len(drawn), np.nan)
    return formula(true_, score_, drawn)


def _arrays(task_type: str, true: Any, score: Any) -> tuple[Array, Array]:
    true_ = np.asarray(true, dtype=np.float64)
    score_ = np.asarray(score, dtype=np.float64)
    if true_.ndim == 1 and task_type != "multiclass" and score_.shape == (*true_.shape, 1):
        score_ = score_[:, 0]
    several = task_type == "multilabel"
    wanted = 2 if several or task_type == "multiclass" else 1
    fits = true_.shape == score_.shape if several else true_.ndim == 1
    if not fits or score_.ndim != wanted or len(score_) != len(true_):
        shape = f"({len(true_)}, classes)" if wanted == 2 else f"({len(true_)},)"
        first = "(n, classes)" if several else "(n,)"
        raise ValueError(
            f"{task_type}: true must be {first} and score {shape}, got {true_.shape}, {score_.shape}"
        )
    return true_, score_
