"""Noise of the channels: its covariance, from residuals or repeats, and patterns freed of it."""
