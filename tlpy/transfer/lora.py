"""LoRA: the weights stay as they are, and learn a change of low rank beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from tlpy.components.rules import TEXT, Count, Positive, list_of
from tlpy.errors import Problems
from tlpy.transfer.base import Transfer

if TYPE_CHECKING:
    from torch import nn

    from tlpy.architectures.base import Architecture
    from tlpy.transfer.groups import ParameterGroups

Layers = Annotated[Sequence[str], list_of(TEXT, 1, None, "a list of layers, blocks or parts of their names")]


@dataclass(frozen=True)
class LoRA(Transfer):
    """the encoder is kept as it is; linear and convolutional layers learn a change of low rank (Hu 2022)

    W + (alpha/rank)·B A in place of W, with A (rank, inputs × kernel) at random and B (outputs, rank) 0, so
    that the start is the network that was taken over. A, B and the heads train; all else, biases and
    normalisation too, is kept bit for bit. When the training is over, the sum becomes the plain weight, under
    its plain name.

    Args:
        rank: of the change; at most what the layer's shape allows.
        alpha: strength; a rate found for one rank fits another.
        target: the layers that learn: names of layers (`blocks.0.attn.qkv`) or blocks (`layer4`), or parts of
            them between dots (`qkv`); None: all linear layers and convolutions of the encoder.
    """

    noun = "low-rank adaptation (LoRA)"
    cites = ("Hu EJ, et al. LoRA: low-rank adaptation of large language models. ICLR 2022.",)

    rank: Count = 8
    alpha: Positive = 16.0
    target: Layers | None = None

    def check(self, where: str, blocks: int | None, problems: Problems) -> None:
        del blocks
        for name in self.target or ():
            if not name.strip("."):
                problems.add(f"{where}.target", f"expected names of layers, found {name!r}")

    def groups(self, architecture: Architecture) -> ParameterGroups:
        from torch.nn.utils import parametrize

        from tlpy.transfer.groups import freeze_parameters, group_trainable
        from tlpy.transfer.low_rank import LowRank

        chosen = self._layers(architecture)
        freeze_parameters(architecture, [f"encoder.{n}" for n, _ in architecture.encoder.named_parameters()])
        for layer in chosen.values():
            weight: nn.Parameter = layer.weight  # type: ignore[assignment]
            change = LowRank(weight, min(self.rank, _full_rank(weight)), self.alpha / self.rank)
            parametrize.register_parametrization(layer, "weight", change, unsafe=True)
        return group_trainable(architecture)

    def finish(self, architecture: Architecture) -> None:
        from torch.nn.utils import parametrize

        for layer in list(architecture.encoder.modules()):
            if parametrize.is_parametrized(layer, "weight"):
                parametrize.remove_parametrizations(layer, "weight", leave_parametrized=True)

    def _layers(self, architecture: Architecture) -> dict[str, nn.Module]:
        """The layers that learn, by name.

        Raises:
            InputError: a target that names no linear layer or convolution.
        """
        from torch import nn

        kinds = (nn.Linear, nn.Conv1d, nn.Conv2d, nn.Conv3d)
        able: dict[str, nn.Module] = {
            name: layer for name, layer in architecture.encoder.named_modules() if isinstance(layer, kinds)
        }
        if self.target is None:
            return able
        wanted = {target.removeprefix("encoder.") for target in self.target}
        groups = {block.name: block.parameters for block in architecture.blocks() if block.name in wanted}
        members = {name for names in groups.values() for name in names}
        problems, found = Problems(), {}
        for target in sorted(wanted):
            of = [name for name in able if f".{target}." in f".{name}."]
            of += [name for name in able if target in groups and f"encoder.{name}.weight" in members]
            if not of:
                message = f"the architecture has no linear layer or convolution '{target}'"
                problems.add("transfer.target", message, f"the first are {', '.join(list(able)[:4])}")
            found.update({name: able[name] for name in of})
        problems.raise_if_any()
        return {name: layer for name, layer in able.items() if name in found}


def _full_rank(weight: nn.Parameter) -> int:
    """The largest rank of a weight, seen as (outputs, inputs × kernel)."""
    return min(weight.shape[0], weight[0].numel())
