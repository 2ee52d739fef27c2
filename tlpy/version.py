"""The version of the package and of the pipeline."""

__version__ = "0.1.0"
