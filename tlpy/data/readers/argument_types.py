"""What several readers take as an argument."""

from __future__ import annotations

from typing import Annotated

from tlpy.components.rules import named, numbered

# YAML reads a name of digits as a number.
Name = str | int
# What stands after an entity in a BIDS file's name, or "none".
Entity = Annotated[str | int, named("a text")]
# Which of somebody's visits, or of a visit's images, are meant.
Choice = Annotated[str | int, named("first, last, all or one of them")]
RunChoice = Annotated[str | int, numbered("first, last, all or a number", "first", "last", "all")]
