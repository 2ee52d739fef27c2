"""How far a training is: a line an epoch in a log file, a bar on a terminal."""

from __future__ import annotations

import sys
import time
from typing import Any, TextIO

from lightning.pytorch import Callback, Trainer

from tlpy import words
from tlpy.scenarios.keeper import Keeper


class Progress(Callback):
    """Tells of each epoch: losses, the validation metric, its seconds, and the time left.

    On a terminal a bar shows the batches of the epoch under way.

    Args:
        keeper: has the history.
        title: what is trained.
        stream: where to write; None: standard output.
    """

    def __init__(self, keeper: Keeper, title: str, stream: TextIO | None = None) -> None:
        self._keeper, self._title = keeper, title
        self._stream = stream or sys.stdout
        self._live = self._stream.isatty()
        self._bar: Any = None
        self._began = self._first = 0.0
        self._epochs = 0

    def on_train_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        self._first = time.perf_counter()
        if self._live:
            from tqdm import tqdm  # type: ignore[import-untyped]

            self._bar = tqdm(
                total=int(trainer.num_training_batches),
                file=self._stream,
                leave=False,
                dynamic_ncols=True,
                unit="batch",
            )

    def on_train_epoch_start(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        self._began = time.perf_counter()
        if self._bar is not None:
            self._bar.reset(total=int(trainer.num_training_batches))
            self._bar.set_description(f"{self._title} {trainer.current_epoch + 1}/{trainer.max_epochs}")

    def on_train_batch_end(self, *_: Any, **__: Any) -> None:
        if self._bar is not None:
            self._bar.update()

    def on_train_epoch_end(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        now = time.perf_counter()
        self._epochs += 1
        row = self._keeper.history[-1]
        total = int(trainer.max_epochs or 0)
        left = 0 if trainer.should_stop else total - int(row["epoch"])
        line = epoch_line(
            row,
            total,
            self._keeper.metric.name,
            now - self._began,
            left * (now - self._first) / self._epochs,
        )
        text = f"{self._title}: {line}"
        if self._bar is not None:
            self._bar.write(text, file=self._stream)
        else:
            print(text, file=self._stream, flush=True)

    def on_train_end(self, trainer: Trainer, pl_module: Any) -> None:  # noqa: ARG002
        self._close()

    def on_exception(self, trainer: Trainer, pl_module: Any, exception: BaseException) -> None:  # noqa: ARG002
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def epoch_line(row: dict[str, float], epochs: int, metric: str, seconds: float, left: float) -> str:
    """`epoch  3/10  train 0.512  val 0.634  mae 5.12  1.2 s, 8 s left`."""
    said = [f"epoch {int(row['epoch']):>{len(str(epochs))}}/{epochs}", f"train {row['train_loss']:.4g}"]
    if "val_loss" in row:
        said.append(f"val {row['val_loss']:.4g}")
    if metric != "loss" and f"val_{metric}" in row:
        said.append(f"{metric} {row[f'val_{metric}']:.4g}")
    last = words.duration(seconds) + (f", {words.duration(left)} left" if left > 0 else "")
    return "  ".join([*said, last])
