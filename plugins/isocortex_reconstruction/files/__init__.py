"""Reconstructions in the files of the Kamitani lab."""
