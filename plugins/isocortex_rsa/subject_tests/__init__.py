"""Tests of models over subjects: above zero, against each other, against the noise ceiling."""
