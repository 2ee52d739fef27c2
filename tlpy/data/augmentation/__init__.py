"""Augmentation: whole batches on the training device. One transform a file; names in `registry`."""
