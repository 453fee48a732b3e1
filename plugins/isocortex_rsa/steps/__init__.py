"""Pipeline steps of representational similarity analysis."""
