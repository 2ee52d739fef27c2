"""Which weight of a file is which of a network's, whoever wrote the file."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

Shape = tuple[int, ...]
# Who writes names in another way → what to replace, in order (a regular expression, and ours).
OtherNames = Mapping[str, Sequence[tuple[str, str]]]


@dataclass(frozen=True)
class Naming:
    """How a file names an encoder's weights.

    Attributes:
        writer: who names them so; empty: the network itself.
        prefix: what stands before each name (`module.`, `backbone.`, `model.encoder.`).
        sources: the network's names → the file's, of those that it has.
    """

    writer: str = ""
    prefix: str = ""
    sources: Mapping[str, str] = field(default_factory=dict)


def recognise(file: Mapping[str, Shape], wanted: Mapping[str, Shape], others: OtherNames) -> Naming:
    """The names and the prefix under which most of the wanted weights are found.

    What is found in its shape counts first: files of different writers may share names for different layers.

    Args:
        file: shapes by the file's names.
        wanted: shapes by the network's names.
        others: names of other writers.
    """
    found: dict[tuple[str, str], dict[str, str]] = defaultdict(dict)
    for writer, rules in {"": (), **others}.items():
        compiled = [(re.compile(pattern), ours) for pattern, ours in rules]
        for source in file:
            parts = source.split(".")
            for cut in range(len(parts)):
                name = ".".join(parts[cut:])
                for pattern, ours in compiled:
                    name = pattern.sub(ours, name)
                if name in wanted:
                    found[writer, "".join(f"{part}." for part in parts[:cut])][name] = source
    best, chosen = Naming(), (0, 0)
    # The network's own names come first, and the shortest prefix.
    for writer, prefix in sorted(found, key=lambda key: (key[0] != "", len(key[1]), key)):
        sources = found[writer, prefix]
        score = (sum(file[source] == wanted[name] for name, source in sources.items()), len(sources))
        if score > chosen:
            best, chosen = Naming(writer, prefix, sources), score
    return best
