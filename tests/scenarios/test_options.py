"""Options of training: clipping, accumulation, the progress in a log, loggers, a precision not to be had."""

from __future__ import annotations

import io
import re
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import toys
from safetensors.torch import load_file
from toys import Train, read, results

from tlpy.errors import InputError
from tlpy.scenarios import loggers
from tlpy.scenarios.progress import Progress, epoch_line
from tlpy.words import duration

PLAIN = {"name": "vit", "patch": 4, "width": 24, "depth": 1, "heads": 2, "dropout": 0.0}
SGD = {"training__optimizer": {"name": "sgd"}, "architecture": PLAIN, "training__keep": "last"}


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "weights.safetensors")


@pytest.mark.parametrize("batch", [8, 10])
def test_accumulated_batches_are_one_larger_batch(train: Train, tmp_path: Path, batch: int) -> None:
    # 24 images: with 10, an epoch's last step has fewer images than the others.
    train(toys.stage("whole", training__batch_size=batch, **SGD))
    train(toys.stage("halves", training__batch_size=batch // 2, training__accumulate=2, **SGD))
    whole, halves = weights(tmp_path / "out/whole"), weights(tmp_path / "out/halves")
    for name, tensor in whole.items():
        torch.testing.assert_close(tensor, halves[name], atol=1e-5, rtol=1e-4)


def test_a_gradient_is_clipped_to_its_norm(train: Train, tmp_path: Path) -> None:
    # One step from the same start: what the weights moved by is lr times the clipped norm.
    one = {**SGD, "training__epochs": 1, "training__batch_size": 24, "training__lr": 0.1}
    frozen = {**one, "training__lr": 1e-12}
    train(toys.stage("start", **frozen), toys.stage("clipped", training__gradient_clip=0.01, **one))
    train(toys.stage("free", **one))
    start = weights(tmp_path / "out/start")

    def moved(name: str) -> float:
        found = weights(tmp_path / "out" / name)
        return float(
            torch.stack([(found[key] - start[key]).double().square().sum() for key in start]).sum().sqrt()
        )

    assert moved("clipped") == pytest.approx(0.1 * 0.01, rel=1e-2)
    assert moved("free") > 5 * moved("clipped")


def test_sixteen_bits_on_a_cpu_are_told(
    train: Train, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train(
        toys.stage("half", training__precision="16-mixed"), toys.stage("bf", training__precision="bf16-mixed")
    )
    assert capsys.readouterr().out.count("a CPU has no 16-mixed: this trains in bf16-mixed") == 1
    assert read(tmp_path / "out/half")["precision"] == "bf16-mixed"
    # Not the weights: bf16 convolutions on a CPU leave the gradient of taps that see only padding open.
    for name in ("history.csv", "predictions.csv"):
        assert results(tmp_path / "out/half")[name] == results(tmp_path / "out/bf")[name]


def test_a_line_an_epoch_stands_in_the_log(train: Train, capsys: pytest.CaptureFixture[str]) -> None:
    train(toys.stage("s1"))
    lines = [line for line in capsys.readouterr().out.splitlines() if ": epoch " in line]
    assert len(lines) == 3
    pattern = r"pretrain: epoch 1/3  train [\d.e+-]+  val [\d.e+-]+  mae [\d.]+  [\d.]+ s, [\d.]+ s left"
    assert re.fullmatch(pattern, lines[0])
    assert "left" not in lines[2]


def test_a_terminal_gets_a_bar_and_the_same_lines() -> None:
    terminal = io.StringIO()
    terminal.isatty = lambda: True  # type: ignore[method-assign]
    row = {"epoch": 1, "train_loss": 0.5, "val_loss": 0.7, "val_auroc": 0.75}
    keeper = SimpleNamespace(history=[row], metric=SimpleNamespace(name="auroc"))
    trainer = SimpleNamespace(num_training_batches=4, current_epoch=0, max_epochs=2, should_stop=False)
    progress = Progress(keeper, "finetune", terminal)  # type: ignore[arg-type]
    progress.on_train_start(trainer, None)  # type: ignore[arg-type]
    progress.on_train_epoch_start(trainer, None)  # type: ignore[arg-type]
    for _ in range(4):
        progress.on_train_batch_end()
    progress.on_train_epoch_end(trainer, None)  # type: ignore[arg-type]
    progress.on_train_end(trainer, None)  # type: ignore[arg-type]
    text = terminal.getvalue()
    assert "finetune 1/2" in text, "the bar"
    assert "finetune: epoch 1/2  train 0.5  val 0.7  auroc 0.75" in text


def test_an_epoch_in_words() -> None:
    row = {"epoch": 3, "train_loss": 0.51234, "val_loss": 0.6, "val_mae": 5.123}
    said = epoch_line(row, 10, "mae", 1.23, 8.61)
    assert said == "epoch  3/10  train 0.5123  val 0.6  mae 5.123  1.2 s, 8.6 s left"
    assert epoch_line({"epoch": 1, "train_loss": 2.0}, 1, "loss", 75, 0) == "epoch 1/1  train 2  75 s"
    assert [duration(s) for s in (0.44, 75, 720, 12600)] == ["0.4 s", "75 s", "12 min", "3.5 h"]


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_logger_that_is_not_installed_names_its_package(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(loggers, "find_spec", lambda _: None)
    monkeypatch.setattr(toys, "pack", partial(toys.pack, logger=name))
    with pytest.raises(InputError, match=f"logger: {name} needs the package '{name}'"):
        train(toys.stage("s1"))
    assert not (tmp_path / "out").exists(), "before anything is trained"


@pytest.mark.parametrize("name", ["tensorboard", "wandb", "mlflow"])
def test_a_logger_writes_into_the_stages_folder(
    train: Train, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    pytest.importorskip(name, reason=f"{name} is not installed: nothing to log with")
    monkeypatch.setattr(toys, "pack", partial(toys.pack, logger=name))
    assert train(toys.stage("s1")) == {"s1": "done"}
    held = [path.name for path in (tmp_path / "out/s1/logs").rglob("*") if path.is_file()]
    wanted = {"tensorboard": "events.out", "wandb": "run-s1.wandb", "mlflow": "val_mae"}[name]
    assert any(wanted in file for file in held), held
    monkeypatch.undo()
    train(toys.stage("s1"), out="plain")
    assert results(tmp_path / "out/s1") == results(tmp_path / "plain/s1"), "a logger changes no result"
