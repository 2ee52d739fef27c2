"""Weights: loading with a report, saving, the preprocessing contract that travels with them."""
