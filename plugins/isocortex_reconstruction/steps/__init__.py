"""Steps of pipelines."""
