"""Preparing samples for decoding: run by run, and by what is fitted on training data alone."""
