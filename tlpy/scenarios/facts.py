"""What a scenario says of itself. Imports no torch: planning reads it."""

from __future__ import annotations

from typing import ClassVar

from tlpy.components.facts import Facts


class ScenarioFacts(Facts):
    """What a scenario can train.

    Attributes:
        several: several data sets or labels at once, and images without labels beside others.
    """

    several: ClassVar[bool] = False
