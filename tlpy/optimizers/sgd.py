"""Stochastic gradient descent."""

from __future__ import annotations

from typing import Any

import torch

from tlpy.components.rules import BelowOne


class SGD(torch.optim.SGD):
    """stochastic gradient descent with momentum

    torch's own, with the momentum that everybody sets.
    """

    def __init__(self, params: Any, lr: float = 1e-3, momentum: BelowOne = 0.9, **rest: Any) -> None:
        super().__init__(params, lr=lr, momentum=momentum, **rest)
