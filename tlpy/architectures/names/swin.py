"""Swin transformers as others name them.

Ours are MONAI's, which merge patches after the fourth stage, too: no other file has that layer.
"""

from __future__ import annotations

_PERCEPTRON = (r"\.mlp\.fc([12])\.", r".mlp.linear\1.")
# timm and Microsoft count stages from 0.
_BLOCKS = tuple((rf"^layers\.{stage}\.blocks\.", rf"layers{stage + 1}.0.blocks.") for stage in range(4))

OTHERS = {
    # Of self-supervised pretraining, as MONAI hands them out for SwinUNETR.
    "MONAI's pretraining": (_PERCEPTRON,),
    # timm merges at a stage's beginning.
    "timm": (*_BLOCKS, _PERCEPTRON, (r"^layers\.([123])\.downsample\.", r"layers\1.0.downsample.")),
    "Microsoft, and timm before 0.9": (
        *_BLOCKS,
        _PERCEPTRON,
        *((rf"^layers\.{stage}\.downsample\.", rf"layers{stage + 1}.0.downsample.") for stage in range(3)),
    ),
    "torchvision": (
        (r"^features\.0\.0\.", "patch_embed.proj."),
        *(
            (rf"^features\.{2 * stage + 1}\.(\d+)\.", rf"layers{stage + 1}.0.blocks.\1.")
            for stage in range(4)
        ),
        *((rf"^features\.{2 * stage}\.", rf"layers{stage}.0.downsample.") for stage in range(1, 4)),
        (r"\.mlp\.0\.", ".mlp.linear1."),
        (r"\.mlp\.3\.", ".mlp.linear2."),
    ),
}
