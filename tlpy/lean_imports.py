"""Imports of large libraries without what they load and never use here: start-up is a part of every task.

torchmetrics (with Lightning) and MONAI each import a package for a function or two that nothing here calls,
such as a filter of ultrasound; `scipy.stats` alone, which comes with them, takes a third of a second.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from typing import Any


@contextmanager
def deferring(*names: str) -> Iterator[None]:
    """What is imported within finds stand-ins of these modules, whose functions load the real one if called.

    For modules whose functions and classes are only taken from them at import, to be called later. A later
    import of such a module gets the real one; one that was imported before, or is not installed, stays so.
    """
    stand_ins = {name: _StandIn(name) for name in names if name not in sys.modules and _installed(name)}
    for name, stand_in in stand_ins.items():
        stand_in.__spec__ = ModuleSpec(name, None)
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for name, stand_in in stand_ins.items():
            if sys.modules.get(name) is stand_in:
                del sys.modules[name]


def _installed(name: str) -> bool:
    return importlib.util.find_spec(name.partition(".")[0]) is not None


class _StandIn(types.ModuleType):
    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        def deferred(*arguments: Any, **options: Any) -> Any:
            return getattr(importlib.import_module(self.__name__), name)(*arguments, **options)

        return deferred
