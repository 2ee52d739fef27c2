"""The joint scenario: several data sets or labels at once, images with labels and without."""

from __future__ import annotations

from typing import Any

from tlpy.data.module import MAIN
from tlpy.scenarios.sequential import Batch, SequentialScenario

# The role of batches of images without labels.
UNLABELLED = "unlabelled"


class JointScenario(SequentialScenario):
    """One network over several data sets.

    Images with labels come from all labelled data sets, each with the labels that it has. Images without
    labels come beside them, and only the terms of the objective look at them. Multitask learning,
    semi-supervised learning and unsupervised domain adaptation differ in their data sets and terms alone.
    """

    def take_apart(self, batch: Any) -> Batch:
        beside = batch.get(UNLABELLED) if isinstance(batch, dict) else None
        images, labels = batch[MAIN] if isinstance(batch, dict) else batch
        # The last of an image's labels is the number of its data set.
        names = (head["label"] for head in self.tasks)
        taken = Batch(images, dict(zip(names, labels[:-1], strict=True)), labels[-1])
        if beside is not None:
            taken.unlabelled, taken.unlabelled_source = beside[0], beside[1][-1]
        return taken
