#!/usr/bin/env python3
"""TRAIN: the stages of one pack, one after another. Exit code 2: bad input; 137: a retry needs more memory;
74, 75: the machine failed.

This process watches over another one that trains, and starts it again where it dies.
"""

import atexit
import gc
import json
import os
import sys
import traceback
from pathlib import Path

import click

FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.option("--pack", type=click.Path(path_type=Path, exists=True, dir_okay=False), required=True)
@click.option("--caches", type=FOLDER, required=True, help="Holds the folders that PREPARE wrote.")
@click.option("--subjects", type=FOLDER, required=True, help="Holds subjects/<id>.tsv of PLAN.")
@click.option("--parents", type=FOLDER, required=True, help="Holds folders of finished stages.")
@click.option("--checkpoints", type=FOLDER, required=True, help="Where a retry finds what was under way.")
@click.option("--store", type=FOLDER, help="Finished stages are taken from here and kept here.")
@click.option("--out", type=FOLDER, default="stages", show_default=True)
@click.option("--accelerator", type=click.Choice(["auto", "cpu", "gpu"]), default="auto", show_default=True)
@click.option("--attempt", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--start", type=click.IntRange(min=1), hidden=True, help="Which start of the training process.")
def main(pack: Path, checkpoints: Path, attempt: int, start: int | None, **options: object) -> None:
    """Train the stages of PACK into --out."""
    if start:
        train(pack, checkpoints=checkpoints, attempt=attempt, start=start, **options)
        return
    from tlpy.supervision.supervisor import stage_ids, supervise

    own = [sys.executable, *sys.argv]
    sys.exit(supervise(lambda number: [*own, "--start", str(number)], stage_ids(pack), checkpoints, attempt))


def train(pack: Path, **options: object) -> None:
    """What the training process does."""
    from tlpy.supervision.parent import end_with_parent

    end_with_parent()
    # Imports make many objects that stay: looking for garbage among them costs a fifth of the start-up.
    gc.disable()
    from tlpy import machine
    from tlpy.architectures.registry import ARCHITECTURES
    from tlpy.components.loading import load_object
    from tlpy.errors import InputError
    from tlpy.records import Pack
    from tlpy.scenarios.device import is_device_lost
    from tlpy.scenarios.guard import MoreMemoryError
    from tlpy.scenarios.pack import StageOutOfMemoryError, train_pack
    from tlpy.scenarios.pack_admission import check_components
    from tlpy.supervision.supervisor import AGAIN

    # Without a store, what is under way is kept beside the work folders, where the disk is the same.
    given = {"store": store} if isinstance(store := options["store"], Path) else {}
    try:
        with machine.told({"work folder": Path.cwd()} | given):
            content = Pack.from_json(json.loads(pack.read_text(encoding="utf-8")))
            check_components(content.stages)
            for name in {stage.architecture["name"] for stage in content.stages}:
                if name in ARCHITECTURES:
                    load_object(ARCHITECTURES.facts(name).network)
            gc.freeze()
            gc.enable()
            train_pack(content, **options)  # type: ignore[arg-type]
    except InputError as error:
        click.echo(str(error), err=True)
        sys.exit(2)
    except StageOutOfMemoryError as error:
        click.echo(f"out of memory: {error}; once more with a smaller batch", err=True)
        sys.exit(AGAIN)
    except MoreMemoryError as error:
        click.echo(f"out of memory: {error}", err=True)
        sys.exit(137)
    except Exception as error:
        if not is_device_lost(error):
            raise
        traceback.print_exc()
        sys.exit(AGAIN)


def leave(code: object) -> None:
    """Exit without taking torch apart object by object, which takes a second of each task."""
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else int(code is not None))


if __name__ == "__main__":
    try:
        main()
    except SystemExit as end:
        leave(end.code)
