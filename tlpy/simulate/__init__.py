"""Phantom brains with a known age and sex signal, laid out as BIDS: data whose right answers are known."""

from __future__ import annotations

from tlpy.simulate.bids_layout import simulate_bids

__all__ = ["simulate_bids"]
