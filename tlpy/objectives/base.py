"""An objective is a sum of terms. A term knows one step and no head counts in advance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

import torch
from torch import Tensor, nn

from tlpy.architectures.base import Architecture
from tlpy.architectures.statistics import unrecorded
from tlpy.components.rules import FromZero
from tlpy.objectives.facts import TermFacts
from tlpy.records import Head
from tlpy.transfer.groups import ParameterGroup

Scales = Mapping[str, tuple[float, float]]


@dataclass
class Step:
    """What one training step offers its terms.

    Attributes:
        architecture: the network as it is now.
        images: (batch, channels, *size), with labels (in a stage without labels: all images).
        outputs: by label, (batch, outputs).
        targets: by label, (batch,) or, for a head of several columns, (batch, columns); missing: NaN, or -1
            where they are whole numbers.
        progress: share of the training that is done, 0 to 1.
        features: (batch, features) of `images`.
        source: (batch,) which of the stage's sources an image comes from.
        unlabelled: (others, channels, *size), images without labels; None in validation.
        unlabelled_source: (others,) which source they come from.
        unlabelled_features: (others, features), where a term asks for them (`Term.aligns`).
        maps: (batch + others, features, *small), features before their mean, where a term asks for them.
        generator: on the CPU; where a term's random numbers come from. None: torch's own.
        step: optimizer steps that were done before.
        training: whether this is a training step, not a validation.
    """

    architecture: nn.Module
    images: Tensor
    outputs: dict[str, Tensor]
    targets: dict[str, Tensor]
    progress: float = 0.0
    features: Tensor | None = None
    source: Tensor | None = None
    unlabelled: Tensor | None = None
    unlabelled_source: Tensor | None = None
    unlabelled_features: Tensor | None = None
    maps: Tensor | None = None
    generator: torch.Generator | None = None
    step: int = 0
    training: bool = True

    @property
    def all_images(self) -> Tensor:
        """Images with and without labels, (batch + others, channels, *size)."""
        return self.images if self.unlabelled is None else torch.cat([self.images, self.unlabelled])

    def uniform(self, *shape: int) -> Tensor:
        """Random numbers from 0 to 1, the same on each device."""
        return torch.rand(shape, generator=self.generator).to(self.images.device)


class Term(nn.Module, TermFacts):
    """One part of an objective.

    An own term is a subclass named by class path. It is made with `heads` and its arguments. It may own
    networks and buffers: made in `start`, trained in the optimizer's group `objective`, kept in checkpoints,
    and never part of the weights that a stage hands on.

    Args:
        heads: what the network predicts, the primary one first: `label`, `type` and `classes` of each.
        weight: what its value is multiplied with.

    Attributes:
        aligns: it compares `features` with `unlabelled_features`, those of another domain.
        uses_maps: it asks for `Step.maps`.
        scales: mean and sd that the targets of each regression label were standardised with; set before
            `start`.

    What it says of itself to planning, by plain class attributes, is in `tlpy.objectives.facts.TermFacts`.
    """

    aligns = False
    uses_maps = False

    def __init__(self, heads: Sequence[Head], weight: FromZero = 1.0) -> None:
        super().__init__()
        self.heads = tuple(heads)
        self.weight = float(weight)
        self.scales: Scales = {}

    def start(
        self, architecture: nn.Module, loaded: frozenset[str], targets: Mapping[str, Tensor] | None = None
    ) -> None:
        """Called once, when weights are loaded and it is settled which of them may move.

        Args:
            architecture: the network; `channels` and `size` are those of its images.
            loaded: names of the parameters that were taken over from an earlier stage.
            targets: all targets of the training part by label.
        """

    def forward(self, step: Step) -> Tensor:
        """The term's value, a scalar, before its weight."""
        raise NotImplementedError

    def after_step(self, architecture: nn.Module) -> None:
        """Called after each step of the optimizer."""

    def average(self) -> Architecture | None:
        """The network that is validated, kept and handed on in place of the one that trains; None: that one.

        Asked of a term that `averages`. It has the same parameters and buffers by name, and is none of the
        term's trained networks: its parameters need no gradient.
        """
        return None

    def undecayed(self) -> list[nn.Parameter]:
        """Own parameters that no weight decay may touch."""
        return []


class Objective(nn.Module):
    """The weighted sum of its terms.

    Args:
        terms: by name, the primary one first.

    Raises:
        ValueError: there is no term.
    """

    def __init__(self, terms: Mapping[str, Term]) -> None:
        super().__init__()
        if not terms:
            raise ValueError("an objective needs at least one term")
        self.names = tuple(terms)
        self.primary = self.names[0]
        # By position: a class path has dots, which a module's name may not have.
        self.terms = nn.ModuleList(terms.values())

    def _named(self) -> list[tuple[str, Term]]:
        return [(name, cast(Term, term)) for name, term in zip(self.names, self.terms, strict=True)]

    def start(
        self,
        architecture: nn.Module,
        loaded: frozenset[str] | set[str],
        targets: Mapping[str, Tensor] | None = None,
        scales: Scales | None = None,
    ) -> None:
        """Tell each term what the training starts from; see `Term.start`. Own networks are made now.

        Args:
            architecture, loaded, targets: see `Term.start`.
            scales: (mean, sd) of each standardised label.
        """
        for _, term in self._named():
            term.scales = scales or {}
            term.start(architecture, frozenset(loaded), targets)

    @property
    def aligns(self) -> bool:
        """Whether some term compares images with labels and without as two domains."""
        return any(term.aligns for _, term in self._named())

    def groups(self) -> list[ParameterGroup]:
        """What the terms own and train: group `objective`, and `objective.undecayed` without weight decay."""
        kept = {id(parameter) for _, term in self._named() for parameter in term.undecayed()}
        own = [(name, parameter) for name, parameter in self.named_parameters() if parameter.requires_grad]
        decayed = tuple(pair for pair in own if id(pair[1]) not in kept)
        undecayed = tuple(pair for pair in own if id(pair[1]) in kept)
        groups = [
            ParameterGroup("objective", decayed),
            ParameterGroup("objective.undecayed", undecayed, options={"weight_decay": 0.0}),
        ]
        return [group for group in groups if group.parameters]

    def observe(
        self,
        architecture: Architecture,
        images: Tensor,
        targets: dict[str, Tensor],
        unlabelled: Tensor | None = None,
        apart: bool = False,
        **rest: Any,
    ) -> Step:
        """Run the network once over what the terms need, and give the step they look at.

        Where a term looks at images without labels, they go through the network in one batch with the others,
        so that batch normalisation treats all alike, as it will in the test. `apart`, each domain goes
        through it by itself: it then takes their first difference away, and the statistics that it keeps are
        those of the labelled images. A stage without labels leaves the network to its terms.

        Args:
            architecture: the network.
            images, targets, unlabelled: see `Step`; in the memory format that the network likes.
            apart: whether images without labels have statistics of their own (`records.Training.adabn`).
            rest: further attributes of the step.
        """
        maps = any(term.uses_maps for _, term in self._named()) and hasattr(
            architecture.encoder, "forward_map"
        )
        step = Step(architecture, images, {}, targets, unlabelled=unlabelled, **rest)
        if not (architecture.labels or self.aligns or maps):
            return step
        wanted = unlabelled is not None and (maps or self.aligns)
        together = step.all_images if wanted and not apart else images
        found = _encoded(architecture.encoder, together, maps)
        if wanted and apart:
            with unrecorded(architecture.encoder):
                others = _encoded(architecture.encoder, cast(Tensor, unlabelled), maps)
            found = torch.cat([found, others])
        if maps:
            step.maps, found = found, found.flatten(2).mean(2)
        step.features = found[: len(images)]
        step.unlabelled_features = found[len(images) :] if len(found) > len(images) else None
        step.outputs = {
            label: values.float() for label, values in architecture.predict(step.features).items()
        }
        return step

    def forward(self, step: Step) -> tuple[Tensor, dict[str, Tensor]]:
        """The total, and each term's share of it (weights applied, detached): they sum to the total.

        Raises:
            ValueError: a term gives something else than one number.
        """
        shares = {}
        for name, term in self._named():
            value = term(step)
            if not isinstance(value, Tensor) or value.numel() != 1:
                found = tuple(value.shape) if isinstance(value, Tensor) else type(value).__name__
                raise ValueError(f"objective {name}: expected one number per step, found {found}")
            shares[name] = value.reshape(()) * term.weight
        total = torch.stack(list(shares.values())).sum()
        return total, {name: share.detach() for name, share in shares.items()}

    def primary_loss(self, step: Step) -> Tensor:
        """The first term alone, with its weight: what the task itself is measured by."""
        name, term = self._named()[0]
        del name
        value: Tensor = term(step)
        return value.reshape(()) * term.weight

    def average(self) -> Architecture | None:
        """The moving average that is to be judged instead of the network, where a term holds one."""
        found = (term.average() for _, term in self._named() if term.averages)
        return next((network for network in found if network is not None), None)

    def after_step(self, architecture: nn.Module) -> None:
        """Call it after each step of the optimizer: moving averages follow the network."""
        for _, term in self._named():
            term.after_step(architecture)


def _encoded(encoder: nn.Module, images: Tensor, maps: bool) -> Tensor:
    """Features (batch, features), or (batch, features, *small) before their mean."""
    found: Tensor = encoder.forward_map(images) if maps else encoder(images)  # type: ignore[operator]
    return found


def mean_over_known(losses: Tensor, known: Tensor, weights: Tensor | None = None) -> Tensor:
    """The mean of `losses` where `known`; 0, with a gradient of 0, where nothing is.

    Args:
        losses: one value per image, its weight applied; what is not known may hold anything finite.
        known: which of them count.
        weights: what each image's loss was weighted by; None: all by 1.
    """
    counted = known.to(losses.dtype)
    total = counted.sum() if weights is None else (counted * weights.to(losses.dtype)).sum()
    return (losses * counted).sum() / torch.where(total > 0, total, torch.ones_like(total))


def nothing(step: Step) -> Tensor:
    """0: what a term gives where the step has nothing for it."""
    return step.images.new_zeros((), dtype=torch.float32)
