"""The multilayer perceptron on vectors."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from math import prod

from torch import Tensor, nn
from torch.nn import functional

from tlpy.architectures.families.mlp import MLP

_ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU,
    "gelu": nn.GELU,
    "silu": nn.SiLU,
    "tanh": nn.Tanh,
}


class BatchNorm(nn.BatchNorm1d):
    """Batch normalisation that takes its running statistics for a batch of one, which has none of its own."""

    def forward(self, input: Tensor) -> Tensor:
        if not (self.training and len(input) == 1):
            return super().forward(input)
        return functional.batch_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps
        )


class MLPEncoder(nn.Module):
    """Linear layers, each with normalisation, activation and dropout.

    Maps (batch, 1, features) to (batch, hidden[-1]).

    Args:
        family: its arguments.
        channels, size: of what it gets: 1 and (features,).
    """

    # Its weights are for one number of features, in their order.
    first = "layers.0.linear.weight"

    def __init__(self, family: MLP, channels: int, size: Sequence[int]) -> None:
        super().__init__()
        norms: dict[str, Callable[[int], nn.Module]] = {"batch": BatchNorm, "layer": nn.LayerNorm}
        self.layers = nn.Sequential()
        before = channels * prod(size)
        for after in family.hidden:
            parts: OrderedDict[str, nn.Module] = OrderedDict(linear=nn.Linear(before, after))
            if family.norm != "none":
                parts["norm"] = norms[family.norm](after)
            parts["activation"] = _ACTIVATIONS[family.activation]()
            parts["dropout"] = nn.Dropout(family.dropout)
            self.layers.append(nn.Sequential(parts))
            before = after
        self.width: int = before

    def forward(self, images: Tensor) -> Tensor:
        out: Tensor = self.layers(images.flatten(1))
        return out
