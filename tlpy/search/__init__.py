"""Search: which assignments of the search space are tried. Each method is a pure function."""
