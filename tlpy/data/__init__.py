"""Data sets: readers, labels, splits, preprocessing, the prepared cache, data modules."""
