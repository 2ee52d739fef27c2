"""Components: what a params file names, and a user may bring along."""
