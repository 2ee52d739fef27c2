"""Params: the schema, the search space, a file read, searched values set."""
