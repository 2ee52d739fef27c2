"""The terms by name. Imports no torch: planning reads it."""

from __future__ import annotations

from tlpy.components.declarations import Form
from tlpy.components.registry import Registry
from tlpy.objectives.facts import TermFacts
from tlpy.records import BINARY, MULTICLASS, MULTILABEL, REGRESSION

_BASE = "tlpy.objectives.base.Term"

TERMS = Registry(
    "objective",
    TermFacts,
    {
        "cross_entropy": "tlpy.objectives.cross_entropy.CrossEntropy",
        "focal": "tlpy.objectives.focal.Focal",
        "mse": "tlpy.objectives.regression.MeanSquaredError",
        "mae": "tlpy.objectives.regression.MeanAbsoluteError",
        "huber": "tlpy.objectives.regression.Huber",
        "soft_bins": "tlpy.objectives.soft_bins.SoftBins",
        "multitask": "tlpy.objectives.multitask.Multitask",
        "elastic_penalty": "tlpy.objectives.elastic_penalty.ElasticPenalty",
        "reconstruction": "tlpy.objectives.reconstruction.Reconstruction",
        "dann": "tlpy.objectives.dann.DANN",
        "coral": "tlpy.objectives.coral.CORAL",
        "mmd": "tlpy.objectives.mmd.MMD",
        "fixmatch": "tlpy.objectives.fixmatch.FixMatch",
        "mean_teacher": "tlpy.objectives.mean_teacher.MeanTeacher",
        "masked_autoencoder": "tlpy.objectives.masked_autoencoder.MaskedAutoencoder",
        "simclr": "tlpy.objectives.simclr.SimCLR",
        "rotation": "tlpy.objectives.rotation.Rotation",
        "models_genesis": "tlpy.objectives.models_genesis.ModelsGenesis",
    },
    Form(f"a {_BASE} whose forward(step) returns one number", ("forward(step)",), (_BASE,), given=("heads",)),
    makes=_BASE,
)

# The primary term where a params file names none: by the type of the label, and for several labels.
_DEFAULTS = {
    REGRESSION: "mse",
    BINARY: "cross_entropy",
    MULTICLASS: "cross_entropy",
    MULTILABEL: "cross_entropy",
}
FOR_SEVERAL_LABELS = "multitask"


def default_primary(task_type: str) -> str:
    """The primary term of a type of label when a params file names none."""
    return _DEFAULTS[task_type]


def without_labels() -> list[str]:
    """The terms that can train a stage without labels."""
    return [name for name in TERMS.names() if TERMS.facts(name).selfsupervised]
