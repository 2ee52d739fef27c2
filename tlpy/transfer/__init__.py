"""Transfer: what is taken over from the stage before, and what may move."""
