"""Noise ceilings: how well the best model can do, given how much the subjects' RDMs agree."""
