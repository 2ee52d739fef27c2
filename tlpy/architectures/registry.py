"""The architectures by name, with their arguments and what they cost. Imports no torch: planning reads it.

An own architecture is a class path (`my_module.MyEncoder`); see `tlpy.architectures.build`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tlpy.components import rules
from tlpy.components.legacy import Entry, Registry
from tlpy.errors import Problems


@dataclass(frozen=True)
class ArchitectureEntry(Entry):
    """One registered architecture.

    Attributes:
        dims: the numbers of spatial axes it works in.
        family: which cost model and which check of arguments it has (`tlpy.architectures.cost`).
        layers: residual blocks, or dense layers, per stage; for `resnet` and `densenet`.
        bottleneck: whether these are bottleneck blocks.
        cost: seconds of one training step per floating point operation, relative to `resnet18`
            (measured, one CPU thread, 2D slices of 56x72).
        channels_last: whether a CPU trains it faster in that layout (measured; a GPU always does).
    """

    dims: tuple[int, ...] = (1, 2, 3)
    family: str = ""
    layers: tuple[int, ...] = ()
    bottleneck: bool = False
    cost: float = 1.0
    channels_last: bool = True


_RESNET_ARGUMENTS = {
    "dims": None,
    "filters": 64,
    "kernel": 7,
    "stride": 2,
    "max_pool": True,
    "shortcut": "B",
    "shortcut_bias": True,
    "dropout": 0.0,
}
_SFCN_ARGUMENTS = {"dims": None, "filters": [32, 64, 128, 256, 256, 64], "kernel": 3, "dropout": 0.5}
_DENSENET_ARGUMENTS = {
    "dims": None,
    "filters": 64,
    "kernel": 7,
    "stride": 2,
    "max_pool": True,
    "growth": 32,
    "bottleneck": 4,
    "dropout": 0.0,
}
_SWIN_ARGUMENTS = {
    "dims": None,
    "patch": 2,
    "window": 4,
    "embed": 24,
    "depths": [2, 2, 2, 2],
    "heads": [3, 6, 12, 24],
    "mlp_ratio": 4,
    "dropout": 0.0,
}
_VIT_ARGUMENTS = {
    "dims": None,
    "patch": 8,
    "width": 192,
    "depth": 6,
    "heads": 6,
    "mlp_ratio": 4,
    "positions": "learnable",
    "qkv_bias": False,
    "dropout": 0.0,
}


def _resnet(depth: int, layers: tuple[int, ...], bottleneck: bool = False) -> ArchitectureEntry:
    return ArchitectureEntry(
        name=f"resnet{depth}",
        target="tlpy.architectures.resnet:build_resnet",
        arguments=_RESNET_ARGUMENTS,
        summary=f"ResNet-{depth} (He 2016), MONAI's, parameter names as in torchvision, too",
        family="resnet",
        channels_last=False,
        layers=layers,
        bottleneck=bottleneck,
    )


def _densenet(depth: int, layers: tuple[int, ...]) -> ArchitectureEntry:
    return ArchitectureEntry(
        name=f"densenet{depth}",
        target="tlpy.architectures.densenet:build_densenet",
        arguments=_DENSENET_ARGUMENTS,
        summary=f"DenseNet-{depth} (Huang 2017), MONAI's",
        family="densenet",
        layers=layers,
    )


ARCHITECTURES: Registry[ArchitectureEntry] = Registry(
    "architecture",
    [
        _resnet(10, (1, 1, 1, 1)),
        _resnet(18, (2, 2, 2, 2)),
        _resnet(34, (3, 4, 6, 3)),
        _resnet(50, (3, 4, 6, 3), bottleneck=True),
        _resnet(101, (3, 4, 23, 3), bottleneck=True),
        _resnet(152, (3, 8, 36, 3), bottleneck=True),
        _densenet(121, (6, 12, 24, 16)),
        _densenet(169, (6, 12, 32, 32)),
        _densenet(201, (6, 12, 48, 32)),
        ArchitectureEntry(
            name="sfcn",
            target="tlpy.architectures.sfcn:build_sfcn",
            arguments=_SFCN_ARGUMENTS,
            summary="SFCN, the simple fully convolutional network for brain age (Peng 2021)",
            family="sfcn",
            cost=0.8,
        ),
        ArchitectureEntry(
            name="vit",
            target="tlpy.architectures.vit:build_vit",
            arguments=_VIT_ARGUMENTS,
            summary="Vision transformer (Dosovitskiy 2021), MONAI's, small by default, mean of the tokens",
            family="vit",
            cost=0.7,
        ),
        ArchitectureEntry(
            name="swin",
            target="tlpy.architectures.swin:build_swin",
            arguments=_SWIN_ARGUMENTS,
            summary="Swin transformer (Liu 2021), MONAI's, small by default, mean of the last stage",
            family="swin",
            dims=(2, 3),
            cost=2.2,
        ),
    ],
)

_RULES: dict[str, dict[str, rules.Rule]] = {
    "resnet": {
        "filters": rules.COUNT,
        "kernel": rules.ODD,
        "stride": rules.COUNT,
        "max_pool": rules.FLAG,
        "shortcut": rules.one_of("A", "B"),
        "shortcut_bias": rules.FLAG,
        "dropout": rules.BELOW_ONE,
    },
    "sfcn": {
        "filters": rules.list_of(rules.COUNT, 2, None, "a list of two or more whole numbers"),
        "kernel": rules.ODD,
        "dropout": rules.BELOW_ONE,
    },
    "densenet": {
        **dict.fromkeys(("filters", "stride", "growth", "bottleneck"), rules.COUNT),
        "kernel": rules.ODD,
        "max_pool": rules.FLAG,
        "dropout": rules.BELOW_ONE,
    },
    "swin": {
        **dict.fromkeys(("patch", "window", "embed", "mlp_ratio"), rules.COUNT),
        **dict.fromkeys(("depths", "heads"), rules.list_of(rules.COUNT, 4, 4, "four whole numbers")),
        "dropout": rules.BELOW_ONE,
    },
    "vit": {
        **dict.fromkeys(("patch", "width", "depth", "heads", "mlp_ratio"), rules.COUNT),
        "positions": rules.one_of("learnable", "sincos"),
        "qkv_bias": rules.FLAG,
        "dropout": rules.BELOW_ONE,
    },
}


def complete_architecture(value: Any, where: str, size: Sequence[int] | None = None) -> dict[str, Any]:
    """`value` in its long form, with defaults filled in and every argument checked.

    Args:
        value: a name, a class path, or either with arguments.
        where: the param's path, for messages.
        size: the image's spatial size; where it is known, `dims` becomes its length.

    Raises:
        InputError: an unknown name or argument, a value out of range, or an image with a number
            of axes the architecture does not work in.
    """
    component = ARCHITECTURES.complete(value, where)
    if "." in component["name"]:
        return component
    entry = ARCHITECTURES.entry(component["name"], where)
    problems = Problems()
    dims = component["dims"]
    if dims is not None and dims not in entry.dims:
        problems.add(
            f"{where}.dims", f"{entry.name} works in {_listed(entry.dims)} dimensions, found {dims!r}"
        )
    elif size is not None:
        if dims is not None and dims != len(size):
            shape = "x".join(map(str, size))
            problems.add(
                f"{where}.dims", f"found {dims}, but the prepared images have {len(size)} axes ({shape})"
            )
        elif len(size) not in entry.dims:
            problems.add(
                where, f"{entry.name} works in {_listed(entry.dims)} dimensions, the images have {len(size)}"
            )
        component["dims"] = len(size)
    rules.check(component, _RULES[entry.family], where, problems)
    if entry.family == "vit" and not len(problems) and component["width"] % component["heads"]:
        problems.add(
            f"{where}.width",
            f"expected a multiple of heads ({component['heads']}), found {component['width']}",
        )
    if entry.family == "swin" and not len(problems):
        widths = [component["embed"] * 2**stage for stage in range(4)]
        if any(width % heads for width, heads in zip(widths, component["heads"], strict=True)):
            found = f"found {component['heads']}"
            problems.add(
                f"{where}.heads", f"expected numbers that divide the stages' widths {widths}, {found}"
            )
    problems.raise_if_any()
    return rules.settle(component, entry.arguments)


def block_names(component: dict[str, Any]) -> list[str]:
    """The layer groups of a registered architecture in definition order, the head last.

    They are what `{name: freeze, blocks: [m, n]}` counts, from 1; ten for ResNet-18, as in MetaLR.
    """
    complete = ARCHITECTURES.complete(component, "architecture")
    entry = ARCHITECTURES.entry(complete["name"])
    if entry.family == "resnet":
        names = ["stem"] + [f"layer{s}.{b}" for s, n in enumerate(entry.layers, 1) for b in range(n)]
    elif entry.family == "densenet":
        names = ["stem"] + [f"features.denseblock{block}" for block in range(1, len(entry.layers) + 1)]
    elif entry.family == "swin":
        stages = enumerate(complete["depths"], 1)
        names = ["patch_embed"] + [f"layers{s}.0.blocks.{b}" for s, count in stages for b in range(count)]
    elif entry.family == "sfcn":
        names = [f"feature_extractor.conv_{i}" for i in range(len(complete["filters"]))]
    else:
        names = ["patch_embedding"] + [f"blocks.{i}" for i in range(complete["depth"])]
    return [*names, "heads"]


def _listed(numbers: Sequence[int]) -> str:
    return ", ".join(map(str, numbers))
