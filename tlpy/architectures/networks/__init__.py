"""The torch side of the architecture families: one network a file."""
