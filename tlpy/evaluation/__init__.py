"""Evaluation: metrics, intervals, ranking."""
