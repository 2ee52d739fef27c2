#!/usr/bin/env python3
"""Print the top of a search's leaderboard and where its report lies."""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

WIDEST = 24


def shown(text: str) -> str:
    """A cell: numbers to four digits, long text cut."""
    try:
        return f"{float(text):.4g}"
    except ValueError:
        return text if len(text) <= WIDEST else text[: WIDEST - 1] + "…"


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("results", type=Path, help="the search's outdir")
    parser.add_argument("--rows", type=int, default=5)
    parser.add_argument("--columns", type=int, default=9)
    arguments = parser.parse_args()
    leaderboard = arguments.results / "ranking" / "leaderboard.tsv"
    with leaderboard.open(encoding="utf-8", newline="") as file:
        table = [row[: arguments.columns] for row in csv.reader(file, delimiter="\t")]
    top = [table[0]] + [[shown(cell) for cell in row] for row in table[1 : 1 + arguments.rows]]
    widths = [max(len(cell) for cell in column) for column in zip(*top, strict=True)]
    for row in top:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
    print(f"\n{len(table) - 1} variants in {leaderboard}")
    for report in sorted((arguments.results / "multiqc").glob("*.html")):
        print(f"report: {report.resolve()}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
