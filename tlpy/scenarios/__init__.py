"""Scenarios: the training logic, as Lightning modules and the loop around them."""
