"""The studies of `methods.py`: one question a file, on simulated brains whose answer is known."""
