"""Inference: permutations of condition labels, tests over subjects, corrections for many tests."""
