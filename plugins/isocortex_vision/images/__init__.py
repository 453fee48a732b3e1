"""Stimuli: pictures from a data source or a folder."""
