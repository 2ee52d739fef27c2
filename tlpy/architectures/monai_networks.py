"""MONAI, imported lean. Networks that are made of it take it from here.

It takes a second, which only training pays: planning imports no network.
"""

from __future__ import annotations

from tlpy.lean_imports import deferring

with deferring("scipy.signal", "sklearn", "sklearn.linear_model", "sklearn.metrics"):
    from monai.networks.blocks import Convolution
    from monai.networks.blocks.transformerblock import TransformerBlock
    from monai.networks.layers.factories import Conv, Norm
    from monai.networks.nets.densenet import DenseNet
    from monai.networks.nets.resnet import ResNet
    from monai.networks.nets.swin_unetr import SwinTransformer
    from monai.networks.nets.vit import ViT

__all__ = [
    "Conv",
    "Convolution",
    "DenseNet",
    "Norm",
    "ResNet",
    "SwinTransformer",
    "TransformerBlock",
    "ViT",
]
