"""Checks against reconstructions that only look right."""
