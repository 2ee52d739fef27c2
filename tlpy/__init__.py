"""TLIMB's Python module: transfer learning for brain and medical images.

`tlpy.run(params)` runs a whole search in this process (see `tlpy.local`).
"""

from __future__ import annotations

from typing import Any

from tlpy.version import __version__

__all__ = ["__version__", "run"]

_LAZY = ("run",)


def __getattr__(name: str) -> Any:
    # `import tlpy` stays light: planning and training are imported when they are asked for.
    if name in _LAZY:
        from tlpy import local

        return getattr(local, name)
    raise AttributeError(f"module 'tlpy' has no attribute '{name}'")


def __dir__() -> list[str]:
    return sorted([*globals(), *_LAZY])
