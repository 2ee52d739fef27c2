"""Plain baselines: what a mean, a ridge or a logistic regression reaches on the same splits."""
