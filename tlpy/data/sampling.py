"""Which image comes when: an order drawn anew each epoch from (seed, epoch), and batches cut from it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

SAMPLINGS = ("shuffle", "oversample", "balanced")


class EpochSampler:
    """Indices of a training part in an order that depends on seed and epoch alone.

    A run that is resumed at epoch k therefore sees the same order as one that was never interrupted, and
    no other use of random numbers moves it.

    Args:
        size: how many images there are.
        seed: the stage's seed.
        sampling: `shuffle` takes each image once an epoch; `oversample` repeats the images of smaller
            classes until all classes are as large as the largest one; `balanced` does so too, and has the
            classes take turns.
        classes: (size,) class index of each image, needed by `oversample` and `balanced`; an image whose
            class is -1 (unknown) comes once.

    Raises:
        ValueError: an unknown sampling, or one that needs classes without them.
    """

    def __init__(
        self, size: int, seed: int, sampling: str = "shuffle", classes: Sequence[int] | None = None
    ) -> None:
        if sampling not in SAMPLINGS:
            raise ValueError(f"sampling must be one of {', '.join(SAMPLINGS)}, got '{sampling}'")
        if sampling != "shuffle" and classes is None:
            raise ValueError(f"sampling '{sampling}' needs classes; a regression has none, use 'shuffle'")
        self.size, self.seed, self.epoch = size, seed, 0
        self._turns = sampling == "balanced"
        self._members: list[np.ndarray] = []
        self._once = np.zeros(0, dtype=np.int64)
        if sampling != "shuffle" and classes is not None:
            of = np.asarray(classes)
            self._members = [np.flatnonzero(of == value) for value in np.unique(of[of >= 0])]
            self._once = np.flatnonzero(of < 0)
        self._largest = max((len(members) for members in self._members), default=0)

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose order comes next; Lightning calls it before each epoch."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self._members) * self._largest + len(self._once) if self._members else self.size

    def __iter__(self) -> Iterator[int]:
        draw = np.random.default_rng([self.seed, self.epoch])
        if not self._members:
            yield from draw.permutation(self.size).tolist()
            return
        chosen = [self._repeat(members, draw) for members in self._members]
        if self._turns:
            chosen = [draw.permutation(members) for members in chosen]
            yield from np.stack(chosen, 1).ravel().tolist()
            return
        yield from draw.permutation(np.concatenate([*chosen, self._once])).tolist()

    def _repeat(self, members: np.ndarray, draw: np.random.Generator) -> np.ndarray:
        """Whole passes over a class and a random rest, so that no image is left out of an epoch."""
        passes, rest = divmod(self._largest, len(members))
        return np.concatenate([np.tile(members, passes), draw.choice(members, rest, replace=False)])


class StreamSampler:
    """A given number of indices each epoch, from one endless stream of shuffled passes.

    For images that come beside those that an epoch is a pass over: each of them is seen as often as the
    others, however many are needed an epoch, and where the stream goes on depends on seed and epoch alone.

    Args:
        size: how many images there are.
        seed: the stage's seed.
        needed: how many come in an epoch.
        stream: another number, another order.
    """

    def __init__(self, size: int, seed: int, needed: int, stream: int = 1) -> None:
        self.size, self.seed, self.needed, self.stream = size, seed, needed, stream
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose the epoch whose part of the stream comes next."""
        self.epoch = epoch

    def __len__(self) -> int:
        return self.needed

    def __iter__(self) -> Iterator[int]:
        done = self.epoch * self.needed
        while done < (self.epoch + 1) * self.needed:
            number, at = divmod(done, self.size)
            order = np.random.default_rng([self.seed, self.stream, number]).permutation(self.size)
            part = order[at : at + (self.epoch + 1) * self.needed - done]
            yield from part.tolist()
            done += len(part)


class BatchSampler:
    """Cuts an order of indices into batches.

    A last batch of a single image joins the one before it (which then holds `batch_size + 1`): batch
    normalisation can't learn from one image, and dropping it would change how much a stage has seen.
    """

    def __init__(self, sampler: EpochSampler | StreamSampler | range, batch_size: int) -> None:
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


class ShareSampler:
    """One process's share of each batch, where several train together.

    Every process must have as many images, and enough of them for batch normalisation: a batch that cannot be
    divided so (the last of an epoch) goes to each of them whole, which gives the same gradient.

    Args:
        batches: the batches of all.
        rank: which process this is.
        processes: how many there are.
    """

    def __init__(self, batches: BatchSampler, rank: int, processes: int) -> None:
        self.batches, self.rank, self.processes = batches, rank, processes
        self.sampler = batches.sampler

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self.batches:
            share, rest = divmod(len(batch), self.processes)
            yield batch[self.rank :: self.processes] if share > 1 and not rest else batch
