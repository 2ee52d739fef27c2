"""Architectures: an encoder and named, replaceable heads; one file a family."""
