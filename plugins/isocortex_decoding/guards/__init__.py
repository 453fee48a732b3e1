"""Checks against leaks and results that only look right."""
