"""Which image comes when: an order drawn anew each epoch from (seed, epoch), and batches cut from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

SAMPLINGS = ("shuffle", "oversample")


class EpochSampler:
    """Indices of a training part in an order that depends on seed and epoch alone.

    A run that is resumed at epoch k therefore sees the same order as one that was never interrupted, and
    no other use of random numbers moves it.

    Args:
        size: how many images there are.
        seed: the stage's seed.
        sampling: `shuffle` takes each image once an epoch; `oversample` repeats the images of smaller
            classes until all classes are as large as the largest one.
        classes: (size,) class index of each image; needed by `oversample`.

    Raises:
        ValueError: an unknown sampling, or `oversample` without classes.
    """

    def __init__(
        self, size: int, seed: int, sampling: str = "shuffle", classes: Sequence[int] | None = None
    ) -> None:
        if sampling not in SAMPLINGS:
            raise ValueError(f"sampling must be one of {', '.join(SAMPLINGS)}, got '{sampling}'")
        if sampling == "oversample" and classes is None:
            raise ValueError("sampling 'oversample' needs classes; a regression has none, use 'shuffle'")
        self.size, self.seed, self.epoch = size, seed, 0
        self._members: list[np.ndarray] = []
        if sampling == "oversample" and classes is not None:
            of = np.asarray(classes)
            self._members = [np.flatnonzero(of == value) for value in np.unique(of)]
        self._largest = max((len(members) for members in self._members), default=0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls it before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._members) * self._largest if self._members else self.size

    def __iter__(self) -> Iterator[int]:
        draw = np.random.default_rng([self.seed, self.epoch])
        if not self._members:
            yield from draw.permutation(self.size).tolist()
            return
        chosen = [self._repeat(members, draw) for members in self._members]
        yield from draw.permutation(np.concatenate(chosen)).tolist()

    def _repeat(self, members: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Whole passes over a class and a random rest, so that no image is left out of an epoch."""
        passes, rest = divmod(self._largest, len(members))
        return np.concatenate([np.tile(members, passes), draw.choice(members, rest, replace=False)])


class BatchSampler:
    """Cuts an order of indices into batches.

    A last batch of a single image joins the one before it (which then holds `batch_size + 1`): batch
    normalisation can't learn from one image, and dropping it would change how much a stage has seen.
    """

    def __init__(self, sampler: EpochSampler | range, batch_size: int) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.sampler, self.batch_size = sampler, batch_size

    def _joins(self) -> bool:
        return self.batch_size > 1 and len(self.sampler) > 1 and len(self.sampler) % self.batch_size == 1

    def __len__(self) -> int:
        return -(-len(self.sampler) // self.batch_size) - self._joins()

    def __iter__(self) -> Iterator[list[int]]:
        order = list(self.sampler)
        starts = [index * self.batch_size for index in range(len(self))]
        for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
            yield order[start:end]
