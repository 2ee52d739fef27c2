"""The terms by name, with their arguments and what they ask of a stage. Imports no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry

REGRESSION, BINARY, MULTICLASS, MULTILABEL, NONE = "regression", "binary", "multiclass", "multilabel", "none"
CLASSES = (BINARY, MULTICLASS)
TASKS = (REGRESSION, BINARY, MULTICLASS, MULTILABEL)


@dataclass(frozen=True)
class ObjectiveEntry(Entry):
    """One registered term.

    Attributes:
        tasks: the task types it works for; empty: all.
        primary: whether it measures the prediction (else it only adds to a primary term).
        number: the argument that a bare number sets.
        needs_start: whether it has an effect only where weights were taken over.
        needs_unlabelled: whether a stage with it must have `unlabelled` images.
        selfsupervised: whether it can be the only term of a stage without labels.
        averages: whether it holds a moving average of the network, which is then what is judged and kept.
        dims: the numbers of spatial axes it works in.
        conflicts: augmentations it must not be trained with, since they change what it asks for.
        place: file and line of an own class; empty for ours.
    """

    tasks: tuple[str, ...] = ()
    primary: bool = True
    number: str = "weight"
    needs_start: bool = False
    needs_unlabelled: bool = False
    selfsupervised: bool = False
    averages: bool = False
    dims: tuple[int, ...] = (1, 2, 3)
    conflicts: tuple[str, ...] = ()
    place: str = ""

    @property
    def shown(self) -> str:
        """The name as messages give it."""
        return f"{self.name} ({self.place})" if self.place else self.name


def _primary(
    name: str, target: str, tasks: tuple[str, ...], arguments: Mapping[str, Any], summary: str
) -> ObjectiveEntry:
    return ObjectiveEntry(
        name, f"tlpy.objectives.{target}", {"weight": 1.0, **arguments}, summary, tasks=tasks
    )


def _auxiliary(
    name: str, target: str, arguments: Mapping[str, Any], summary: str, **rest: Any
) -> ObjectiveEntry:
    path = f"tlpy.objectives.{name}:{target}"
    return ObjectiveEntry(name, path, {"weight": 1.0, **arguments}, summary, primary=False, **rest)


OBJECTIVES: Registry[ObjectiveEntry] = Registry(
    "objective",
    [
        _primary(
            "cross_entropy",
            "cross_entropy:CrossEntropy",
            (BINARY, MULTICLASS, MULTILABEL),
            {"label_smoothing": 0.0, "class_weights": None},
            "cross entropy of the class (one logit for two classes, and for each of several labels)",
        ),
        _primary(
            "focal",
            "focal:Focal",
            (BINARY, MULTICLASS, MULTILABEL),
            {"gamma": 2.0, "class_weights": None},
            "focal loss (Lin 2017): cross entropy that counts what is already right less",
        ),
        _primary("mse", "regression:MeanSquaredError", (REGRESSION,), {}, "mean squared error"),
        _primary("mae", "regression:MeanAbsoluteError", (REGRESSION,), {}, "mean absolute error"),
        _primary(
            "huber",
            "regression:Huber",
            (REGRESSION,),
            {"delta": 1.0},
            "squared up to `delta` (in standard deviations of the target), absolute beyond",
        ),
        _primary(
            "soft_bins",
            "soft_bins:SoftBins",
            (REGRESSION,),
            {"low": 42.0, "high": 82.0, "bins": 40, "sigma": 1.0},
            "KL divergence to a soft label over bins (SFCN, Peng 2021); in the label's units",
        ),
        _primary(
            "multitask",
            "multitask:Multitask",
            (),
            {"weights": 1.0, "terms": {}},
            "a sum over heads, with fixed weights or by uncertainty (Kendall 2018)",
        ),
        ObjectiveEntry(
            "elastic_penalty",
            "tlpy.objectives.elastic_penalty:ElasticPenalty",
            {"alpha": 0.01, "beta": 0.01},
            "L2-SP (Li 2018): keeps weights near those they started from",
            primary=False,
            number="alpha",
            needs_start=True,
        ),
        _auxiliary(
            "reconstruction",
            "Reconstruction",
            {"width": 128},
            "a decoder gives the images back from their features, labelled and unlabelled ones",
            selfsupervised=True,
        ),
        _auxiliary(
            "dann",
            "DANN",
            {"hidden": 256, "gamma": 10.0},
            "domain-adversarial training (Ganin 2016): gradient reversal",
            needs_unlabelled=True,
        ),
        _auxiliary(
            "coral",
            "CORAL",
            {},
            "Deep CORAL (Sun 2016): equal covariances of the features",
            needs_unlabelled=True,
        ),
        _auxiliary(
            "mmd",
            "MMD",
            {"kernels": 5, "queue": 64},
            "multi-kernel maximum mean discrepancy of the features (Long 2015)",
            needs_unlabelled=True,
        ),
        _auxiliary(
            "fixmatch",
            "FixMatch",
            {"threshold": 0.95, "ema": 0.999, "weak": "weak", "strong": "strong"},
            "FixMatch (Sohn 2020): sure pseudo-labels of weakly for strongly augmented images",
            tasks=CLASSES,
            needs_unlabelled=True,
            averages=True,
        ),
        _auxiliary(
            "mean_teacher",
            "MeanTeacher",
            {"ema": [0.99, 0.999], "ramp": 0.4, "augmentation": "weak"},
            "mean teacher (Tarvainen 2017): agree with the moving average of oneself",
            needs_unlabelled=True,
            averages=True,
            tasks=TASKS,
        ),
        _auxiliary(
            "masked_autoencoder",
            "MaskedAutoencoder",
            {"ratio": 0.75, "patch": 8, "depth": 2, "width": 96, "normalise": False},
            "masked autoencoder (He 2022): give back the patches that were hidden",
            selfsupervised=True,
        ),
        _auxiliary(
            "simclr",
            "SimCLR",
            {"temperature": 0.5, "projection": 128, "augmentation": "strong"},
            "SimCLR (Chen 2020): two views of one image are alike",
            selfsupervised=True,
        ),
        _auxiliary(
            "rotation",
            "Rotation",
            {},
            "rotation prediction (Gidaris 2018): which quarter turn was it",
            selfsupervised=True,
            dims=(2, 3),
            conflicts=("flip", "rot90"),
        ),
        _auxiliary(
            "models_genesis",
            "ModelsGenesis",
            {
                "nonlinear": 0.9,
                "shuffle": 0.5,
                "paint": 0.9,
                "outpaint": 0.8,
                "flip": 0.4,
                "width": 128,
            },
            "Models Genesis (Zhou 2021): give back the image that was distorted",
            selfsupervised=True,
        ),
    ],
)

RULES: dict[str, rules.Rule] = {
    **dict.fromkeys(("weight", "alpha", "beta", "gamma"), rules.FROM_ZERO),
    **dict.fromkeys(("delta", "sigma", "temperature"), rules.POSITIVE),
    **dict.fromkeys(("hidden", "kernels", "patch", "depth", "width", "projection"), rules.COUNT),
    **dict.fromkeys(("nonlinear", "shuffle", "paint", "outpaint", "flip", "ramp"), rules.SHARE),
    **dict.fromkeys(("threshold", "label_smoothing"), rules.BELOW_ONE),
    **dict.fromkeys(("low", "high"), rules.Rule(rules.is_number, "a number")),
    "bins": rules.Rule(lambda v: rules.is_count(v) and v >= 2, "a whole number of at least 2"),
    "queue": rules.Rule(lambda v: v == 0 or rules.is_count(v), "a whole number of at least 0"),
    "ratio": rules.BETWEEN,
    "normalise": rules.FLAG,
}
# An argument whose meaning differs between terms.
OWN_RULES: dict[str, dict[str, rules.Rule]] = {
    "fixmatch": {"ema": rules.BELOW_ONE},
    "mean_teacher": {
        "ema": rules.list_of(rules.BELOW_ONE, 2, 2, "two numbers from 0 to below 1: while ramping up, after")
    },
    "dann": {"gamma": rules.POSITIVE},
}
