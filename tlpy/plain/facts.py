"""What a plain baseline says of itself. Imports nothing heavy: planning reads it."""

from __future__ import annotations

from typing import ClassVar, Literal

from tlpy.components.facts import Facts

# What the images of a data set are: of two or three axes; of one, which is time; of features in no order.
IMAGES, SERIES, VECTORS = "images", "series", "vectors"


class PlainFacts(Facts):
    """What a baseline is for, and what it is called.

    Attributes:
        data: what its data may be; empty: anything. Where the user names none, each that fits is used.
        noun, noun_for_classes: what it is called, where it predicts numbers and where it predicts classes.
        penalised: it is a linear model with a penalty, whose strength is chosen on validation.
        covariates: it looks at the data set's confounds, so that it is of use where there are some.
        draws: it draws random numbers, so that each seed is fitted anew.
    """

    data: ClassVar[tuple[Literal["images", "series", "vectors"], ...]] = ()
    noun_for_classes: ClassVar[str] = ""
    penalised: ClassVar[bool] = False
    covariates: ClassVar[bool] = False
    draws: ClassVar[bool] = False
