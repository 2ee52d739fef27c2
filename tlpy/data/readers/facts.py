"""What a reader says of itself, for planning and the report."""

from __future__ import annotations

from typing import ClassVar

from tlpy.components.facts import Facts


class ReaderFacts(Facts):
    """Attributes of a reader's class, or a data set's.

    Attributes:
        label: the label to read where the user names none; "" if one must be named.
        families: the column that is the group where the user names none; "" for none.
        vectors: its images are features in no order: their one axis is neither space nor time.
    """

    label: ClassVar[str] = ""
    families: ClassVar[str] = ""
    vectors: ClassVar[bool] = False
