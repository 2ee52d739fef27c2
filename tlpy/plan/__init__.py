"""The plan: variants, their distinct stages, the packs that train them. Imports no torch."""
