"""Similarity measures: how alike RDMs are."""
