"""Similarity measures: how alike RDMs are, larger is more alike.

Nearly all are inner products after a transform of each RDM by itself: ``embed(a) @ embed(b).T`` compares
every RDM of a with every one of b, and each permutation of condition labels costs one matrix product (see
``isocortex.contracts.Embedding``). ``to_pool`` brings RDMs onto
the scale on which a noise ceiling averages them.
"""
