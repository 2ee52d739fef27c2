"""Metrics and their formulas. NumPy only."""
