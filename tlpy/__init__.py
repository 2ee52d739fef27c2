"""TLIMB's Python module: transfer learning for brain and medical images."""

__version__ = "0.1.0"
