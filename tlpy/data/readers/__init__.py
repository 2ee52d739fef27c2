"""Readers: one file a layout on disk."""
