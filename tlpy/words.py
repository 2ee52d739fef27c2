"""How things are said to people: in plans, on the console, in the leaderboard, report and methods text."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any


def setting(value: Any) -> str:
    """A value of a setting, or a component with its arguments: `0.001`, `true`, `freeze(up_to=layer3)`.

    Empty for None: a setting without effect, such as a penalty where nothing came before.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        rest = ", ".join(_argument(key, item) for key, item in value.items() if key != "name")
        name = str(value.get("name", ""))
        return f"{name}({rest})" if name and rest else name or rest
    if isinstance(value, list | tuple):
        return "[" + ", ".join(setting(item) for item in value) + "]"
    return number(value) if isinstance(value, float) else str(value)


def _argument(name: str, value: Any) -> str:
    """`up_to=layer3`, or of what has arguments and no name of its own: `focal(gamma=1.5)`."""
    if isinstance(value, Mapping) and "name" not in value:
        return setting({"name": name, **value})
    return f"{name}={setting(value)}"


def path(dotted: str) -> str:
    """A searched path as people say it: `finetune.objective.elastic_penalty` → `finetune elastic penalty`."""
    return dotted.replace("objective.", "").replace(".", " ").replace("_", " ")


def number(value: float) -> str:
    """Up to six digits, without zeros at the end; a whole number has all of its own."""
    return str(value) if isinstance(value, int) else f"{value:g}"


def count(total: int, noun: str, plural: str | None = None) -> str:
    """`1 subject`, `7 subjects`, `1,200 images`."""
    return f"{total:,} {noun if total == 1 else plural or noun + 's'}"


def duration(seconds: float) -> str:
    """`3.2 s`, `48 s`, `4.5 min`, `12 min`, `3.4 h`; empty where not known."""
    if not math.isfinite(seconds):
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    if seconds < 600:
        return f"{seconds / 60:.1f} min"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def percent(value: float) -> str:
    """A signed percentage: `+12 %`, `−3.4 %`."""
    if not math.isfinite(value):
        return "n/a"
    digits = f"{abs(value):.0f}" if abs(value) >= 10 else f"{abs(value):.1f}"
    if float(digits) == 0:
        return "0 %"
    return f"{'−' if value < 0 else '+'}{digits} %"


def share(value: float) -> str:
    """A part of a whole, `0 %` to `100 %`: these two for nothing and all alone."""
    if value in (0, 1):
        return f"{100 * value:.0f} %"
    return f"{min(max(100 * value, 0.1), 99.9):.{0 if 0.01 <= value <= 0.99 else 1}f} %"


def joined(items: Sequence[str], last: str = "and") -> str:
    """`a`, `a and b`, `a, b and c`."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} {last} {items[-1]}" if items else ""


def size(axes: float | Sequence[float]) -> str:
    """The size or spacing of an image: `64×64×48`, `1×1×1.2`; or one number for all of its axes."""
    return "×".join(map(number, axes)) if isinstance(axes, Sequence) else number(axes)
