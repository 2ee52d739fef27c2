"""Params files that together hold every registered name, in each dimension that it claims.

Names are read from the registries, so that a new one is run without being listed here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from layouts import LAYOUTS

from tlpy.architectures.registry import ARCHITECTURES
from tlpy.data.augmentation.registry import AUGMENTATIONS, PRESETS
from tlpy.data.modules.registry import DATAMODULES
from tlpy.objectives.registry import TERMS
from tlpy.optimizers.registry import OPTIMIZERS, SCHEDULES
from tlpy.records import BINARY, REGRESSION
from tlpy.transfer.registry import TRANSFERS

Params = dict[str, Any]
SETTINGS = {
    "architecture": {"name": "resnet10", "filters": 8},
    "epochs": 1,
    "baseline": False,
    "pack_minutes": 3,
}
# What a name needs to be said beside it.
NEEDED: dict[str, Params] = {
    "crop_center": {"size": 20},
    "crop": {"padding": 2},
    "multistep": {"milestones": [1]},
    "soft_bins": {"low": 10, "high": 90},
    "freeze": {"blocks": [1, 2]},
    # All 15 settings of `bidirectional` would add nothing to one; `layerwise` is searched in all.
    "bidirectional": {"blocks": [2, 3]},
}
IMAGES: dict[int, Params] = {
    1: {"reader": {"name": "hcp", "nodes": 15}, "path": "layouts/hcp"},
    2: {"reader": "bids", "path": "brains", "preprocessing": {"slice": "axial", "size": [32, 32]}},
    3: {"reader": "bids", "path": "brains", "preprocessing": {"spacing": 6.0, "size": [24, 28, 24]}},
}
# A label of each layout that has none of its own.
LABELS = {name: {"label": "sex"} for name in ("hcp", "ixi", "oasis1")} | {
    "ukb": {"label": "sex", "reader": {"name": "ukb", "sessions": "first"}},
    "oasis2": {"label": "sex", "reader": {"name": "oasis2", "sessions": "first"}},
    "decathlon": {"label": "sex"},
    "mura": {"preprocessing": {"resize": 24}},
    "timeseries": {"label": "looking", "group": "run", "preprocessing": {"window": 16}},
}
VOLUMES = ("hcp", "ukb", "ixi", "oasis1", "oasis2", "decathlon")


def component(name: str) -> Any:
    """The name, with what it needs."""
    return {"name": name, **NEEDED[name]} if name in NEEDED else name


def term(name: str) -> Any:
    """An objective with the term and what it needs; one that could do without labels comes beside them."""
    beside = {"cross_entropy": 1} if TERMS.facts(name).selfsupervised else {}
    return {**beside, name: NEEDED.get(name, 1)}


def fitting(registry: Any, dims: int) -> list[str]:
    """The registered names that claim to work with so many spatial axes."""
    said = getattr(registry, "facts", None) or registry.entry
    return [name for name in registry.names() if dims in getattr(said(name), "dims", (1, 2, 3))]


def datasets(dims: int, **labels: Any) -> Params:
    """The images of `dims` axes under several names, each with its label; None: images alone."""
    said = {name: {} if label is None else {"label": label} for name, label in labels.items()}
    return {name: {**IMAGES[dims], **label} for name, label in said.items()}


def architectures(dims: int) -> Params:
    known = {name: ARCHITECTURES.facts(name) for name in ARCHITECTURES.names()}
    names = [name for name, facts in known.items() if dims in facts.dimensions and "images" in facts.takes]
    return {
        **SETTINGS,
        "datasets": datasets(dims, age="age", sex="sex"),
        "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
        "search": {"space": {"architecture": names, "finetune.transfer": ["full", "head"]}},
    }


def objectives(dims: int) -> Params:
    """Every term that measures a prediction, and every one beside it that fits."""
    primary = {
        type_: [n for n in TERMS.names() if type_ in TERMS.facts(n).tasks and TERMS.facts(n).primary]
        for type_ in (REGRESSION, BINARY)
    }
    beside = [n for n in fitting(TERMS, dims) if not TERMS.facts(n).primary]
    beside = [n for n in beside if not TERMS.facts(n).tasks or BINARY in TERMS.facts(n).tasks]
    return {
        **SETTINGS,
        "datasets": datasets(dims, age="age", sex="sex", scans=None),
        "stages": [
            {"name": "pretrain", "dataset": "age"},
            {"name": "finetune", "dataset": "sex", "unlabelled": "scans", "batch_size": 8},
        ],
        "search": {
            "space": {
                "pretrain.objective": [term(n) for n in primary[REGRESSION]],
                "finetune.objective": [term(n) for n in (*primary[BINARY], *beside)],
            }
        },
    }


def selfsupervised(dims: int) -> Params:
    names = [n for n in fitting(TERMS, dims) if TERMS.facts(n).selfsupervised]
    return {
        **SETTINGS,
        "datasets": datasets(dims, scans=None, both=["age", "sex"]),
        "stages": [{"name": "pretrain", "dataset": "scans"}, {"name": "finetune", "dataset": "both"}],
        "search": {
            "space": {
                "pretrain.objective": names,
                "finetune.objective": ["multitask", {"multitask": {"weights": "uncertainty"}}],
            }
        },
    }


def training(dims: int) -> Params:
    """Optimizers, schedules, augmentations and data modules, one at a time."""
    values = {
        "optimizer": [component(n) for n in OPTIMIZERS.names()],
        "schedule": [component(n) for n in SCHEDULES.names()],
        "augmentation": [[component(n)] for n in fitting(AUGMENTATIONS, dims)]
        + ([*PRESETS] if dims > 1 else []),
        "datamodule": [component(n) for n in DATAMODULES.names()],
    }
    stages = [{"dataset": "sex", key: value} for key, listed in values.items() for value in listed]
    return {
        **SETTINGS,
        "datasets": datasets(dims, sex="sex"),
        "stages": [{"name": "train", "dataset": "sex"}],
        "search": {"space": {"train": stages}},
    }


def transfers(dims: int) -> Params:
    """Every way of transfer, in a network of convolutions and one of attention, and beside other images."""
    ways = [component(n) for n in TRANSFERS.names()] + [{"name": "metalr", "variant": "released"}]
    networks: list[Any] = [SETTINGS["architecture"], {"name": "vit", "width": 24, "heads": 2, "depth": 2}]
    target = {"dataset": "sex", "epochs": 2, "batch_size": 8}
    joint = {**target, "unlabelled": "scans", "objective": {"cross_entropy": 1, "coral": 1}}
    stages = [{**kind, "transfer": way} for kind in (target, joint) for way in ways]
    return {
        **SETTINGS,
        "datasets": datasets(dims, age="age", sex="sex", scans=None),
        "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
        "search": {"space": {"architecture": networks, "finetune": stages}},
    }


def vectors(path: str = "layouts/vectors", number: str = "age", classes: str = "sex") -> Params:
    """Every network for vectors, and what is said to make sense beside it."""
    networks = [n for n in ARCHITECTURES.names() if "vectors" in ARCHITECTURES.facts(n).takes]
    steps = [[component(n)] for n in AUGMENTATIONS.names() if AUGMENTATIONS.facts(n).vectors]
    views = {"simclr": {"augmentation": [{"name": "noise", "p": 1.0}]}}
    data = {"reader": "vectors", "path": path}
    return {
        **SETTINGS,
        "datasets": {"age": {**data, "label": number}, "sex": {**data, "label": classes}},
        "stages": [{"name": "pretrain", "dataset": "age"}, {"name": "finetune", "dataset": "sex"}],
        "search": {
            "space": {
                "architecture": networks,
                "pretrain.objective": ["mse", views],
                "finetune.augmentation": [None, *steps],
                "finetune.transfer": ["full", "head", "discriminative", "metalr", "lora"],
            }
        },
    }


def readers() -> Params:
    """Every layout that the simulator knows, every kind of MedMNIST, and a table."""
    small: Params = {"preprocessing": {"size": [24, 28, 24]}}
    found = {
        name: {
            "reader": name,
            "path": f"layouts/{name}",
            **(small if name in VOLUMES else {}),
            **LABELS.get(name, {}),
        }
        for name in LAYOUTS
        # Vectors have networks of their own, see `vectors`.
        if name not in ("medmnist", "bids_sessions", "vectors")
    }
    found |= {
        f"medmnist_{kind}": {"reader": "medmnist", "path": f"layouts/medmnist/{kind}.npz"}
        for kind in ("simmnist", "simcolour", "simmnist3d", "simchest")
    }
    found["medmnist_simchest"] |= {"label": ["label_0", "label_1"], "task": "multilabel"}
    found["nodes"] = {**IMAGES[1], "label": "sex"}
    found["bids"] = {**IMAGES[2], "label": "sex"}
    derived = {"name": "bids", "derivatives": "prepared", "space": "MNI"}
    found["bids_derivatives"] = {**IMAGES[3], "label": "age", "reader": derived}
    visits = {"name": "bids", "sessions": "first", "runs": "first"}
    found["bids_sessions"] = {**IMAGES[3], "path": "layouts/bids_sessions", "label": "sex", "reader": visits}
    found["table"] = {"reader": "table", "path": "pictures.csv", "label": "kind"}
    return {
        **SETTINGS,
        "batch_size": 4,
        "datasets": found,
        "stages": [{"name": "train", "dataset": "bids"}],
        "search": {"space": {"train.dataset": sorted(found)}},
    }


def real(data: Path) -> Params:
    """The small real data sets: 1D, 2D and 3D."""
    brains = {"reader": "bids", "path": str(data / "ds002748")}
    found: Params = {
        "looking": {
            "reader": "timeseries",
            "path": str(data / "haxby"),
            "label": "looking",
            "group": "run",
            "preprocessing": {"window": 9},
        },
        "slices": {**brains, "label": "sex", "preprocessing": {"slice": "axial"}},
        "brains": {**brains, "label": ["age", "sex"], "preprocessing": {"spacing": 6.0}},
        "textures": {"reader": "image_folder", "path": str(data / "textures")},
    }
    for name in ("breastmnist", "pneumoniamnist", "adrenalmnist3d"):
        found[name] = {"reader": "medmnist", "path": str(data / f"medmnist/{name}.npz")}
    return {
        **SETTINGS,
        "datasets": found,
        "stages": [{"name": "train", "dataset": "looking"}],
        "search": {"space": {"train.dataset": sorted(found)}},
    }
