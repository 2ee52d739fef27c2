"""Objectives: primary and auxiliary terms, one file each."""
