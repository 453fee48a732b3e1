"""RDM metrics: patterns (conditions, channels) -> condensed dissimilarities (pairs,)."""
