"""Pipelines: the document, the graph of step instances, results on disk, and the runner."""
