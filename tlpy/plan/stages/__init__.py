"""The stages of a plan: from a chain in the params to records with ids."""
