"""What is wrong with a user's input: collected, then raised once, so that all problems show together."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches


@dataclass(frozen=True, order=True)
class Problem:
    """One fault in the input.

    Attributes:
        where: the param's dotted path, or the file and row, as the user knows it.
        message: what was found and what was expected.
        hint: what to do about it; may be empty.
        about: what is at fault where several params lead to it (an own class): it is told once.
    """

    where: str
    message: str
    hint: str = ""
    about: str = field(default="", compare=False)

    def as_map(self) -> dict[str, str]:
        """What a file holds of it."""
        return {"where": self.where, "message": self.message, "hint": self.hint}

    def __str__(self) -> str:
        text = f"{self.where}: {self.message}"
        return f"{text} ({self.hint})" if self.hint else text


class InputError(ValueError):
    """Bad input, with every problem that was found."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems: list[Problem] = _once(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _once(problems: Iterable[Problem]) -> list[Problem]:
    """Each problem once, and what is about one thing once for all params that lead to it."""
    told: dict[tuple[str, str, str], Problem] = {}
    for problem in problems:
        told.setdefault((problem.about or problem.where, problem.message, problem.hint), problem)
    return list(told.values())


class Problems:
    """Collects problems, so that a user sees all of them at once."""

    def __init__(self) -> None:
        self._found: list[Problem] = []

    def add(self, where: str, message: str, hint: str = "", about: str = "") -> None:
        self._found.append(Problem(where, message, hint, about))

    def extend(self, problems: Iterable[Problem]) -> None:
        self._found.extend(problems)

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        return iter(self._found)

    def raise_if_any(self) -> None:
        """Raise `InputError` with everything collected so far, if anything was."""
        if self._found:
            raise InputError(self._found)


def nearest(name: object, valid: Sequence[str], otherwise: str | None = None) -> str:
    """A hint that names the valid spelling closest to `name`; else `otherwise`, by default what is valid."""
    close = get_close_matches(str(name), valid, n=1, cutoff=0.6)
    if close:
        return f"did you mean '{close[0]}'?"
    if otherwise is not None:
        return otherwise
    return "valid: " + ", ".join(sorted(valid)) if valid else ""
