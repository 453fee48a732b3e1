"""RDM metrics: patterns (conditions, channels) -> condensed dissimilarities (pairs,), row by row.

Each is computed in float64 and given back as float32 for float32 (or float16) patterns, else as float64.
A pattern that holds NaN or infinity, or that the metric is undefined for, makes NaN of its own pairs and of
no others.

For the searchlight a metric may carry one of two forms of itself:

``from_moments`` (``metrics.moments``) : one pair from its sums and sums of products over channels;
``channel_factors`` (``metrics.additive``) : for a metric that is a mean over channels, what is averaged.
"""
