"""The joint scenario: several data sets or labels at once, images with labels and without."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor

from tlpy.architectures.base import Architecture
from tlpy.architectures.statistics import measure_anew, norms
from tlpy.components.rules import Positive
from tlpy.data.module import MAIN, UNLABELLED
from tlpy.errors import InputError, Problem
from tlpy.scenarios.batch import Batch
from tlpy.scenarios.sequential import Answers, SequentialScenario
from tlpy.transfer.apply import keep_frozen_in_eval


class JointScenario(SequentialScenario):
    """Several data sets or labels, or images without labels beside others.

    Images with labels come from all labelled data sets, each with the labels that it has. Images without
    labels come beside them, and only the terms of the objective look at them. Multitask learning,
    semi-supervised learning and unsupervised domain adaptation differ in their data sets and terms alone.

    With `adabn` batch normalisation has statistics of each domain (Li et al. 2016, "Revisiting batch
    normalization for practical domain adaptation"): while the network trains, it keeps those of images with
    labels, and is validated with them. Those of images without labels are measured when it is settled; with
    them it is tested on data sets that no label is learnt from, and handed on, since these are what it was
    adapted to. Without it there is one network for all images, with the statistics of what it was shown.

    Args:
        given: see `SequentialScenario`.
        mixing: `balanced` takes as many images of each data set a step; `concatenate` as they come.
        unlabelled_ratio: how many images without a label come with each that has one.

    Raises:
        InputError: `adabn` where no batch normalisation may move.
    """

    several = True

    def __init__(
        self,
        *given: Any,
        mixing: Literal["concatenate", "balanced"] = "concatenate",
        unlabelled_ratio: Positive = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(*given, **options)
        self.mixing, self.unlabelled_ratio = mixing, unlabelled_ratio
        # The settled network with the statistics of images without labels.
        self.adapted: Architecture | None = None
        if self._stage.training.adabn and not norms(_in_training(self.architecture)):
            message = "the network has no batch normalisation whose statistics may move"
            raise InputError([Problem("adabn", message, "leave it out, or freeze less")])

    def take_apart(self, batch: Any) -> Batch:
        beside = batch.get(UNLABELLED) if isinstance(batch, dict) else None
        images, labels = batch[MAIN] if isinstance(batch, dict) else batch
        # The last of an image's labels is the number of its data set.
        names = (head.label for head in self.heads)
        taken = Batch(images, dict(zip(names, labels[:-1], strict=True)), labels[-1])
        if beside is not None:
            taken.unlabelled, taken.unlabelled_source = beside[0], beside[1][-1]
        return taken

    def settle(self, weights: Mapping[str, Tensor]) -> None:
        super().settle(weights)
        if self._stage.training.adabn:
            # Here, not when images come: what is made in inference mode can't be moved to another device.
            self.adapted = deepcopy(self.architecture)

    def adapts(self) -> bool:
        return self.adapted is not None

    def on_predict_start(self) -> None:
        if self.adapted is not None:
            measure_anew(_in_training(self.adapted))

    def predict_step(self, batch: Any, batch_idx: int) -> None:  # noqa: ARG002
        if self.adapted is not None:
            self.adapted.encoder(batch[0].contiguous(memory_format=self._format))

    def on_predict_end(self) -> None:
        if self.adapted is not None:
            self.adapted.eval()

    def answers(self, batch: Batch) -> Answers:
        found = super().answers(batch)
        if self.adapted is None or batch.source is None:
            return found
        others = torch.tensor([not source.labelled for source in self._stage.sources])
        place = others.to(batch.source.device)[batch.source]
        if not place.any():
            return found
        images = batch.images[place].contiguous(memory_format=self._format)
        for label, values in self.adapted(images).items():
            found[label][place] = values.float()
        return found

    def hand_over(self) -> None:
        if self.adapted is not None:
            self.architecture.load_state_dict(self.adapted.state_dict())
        super().hand_over()


def _in_training(architecture: Architecture) -> Architecture:
    """The network in training mode, but for what is frozen."""
    architecture.train()
    keep_frozen_in_eval(architecture)
    return architecture
