"""DenseNets as torchvision and timm name them; MONAI's names are ours."""

from __future__ import annotations

OTHERS = {
    # Files of before torchvision 0.3 write `norm.1` for `norm1`.
    "torchvision": ((r"(denselayer\d+)\.(norm|conv)\.?([12])\.", r"\1.layers.\2\3."),),
}
