"""Running step instances on the workers of a Dask cluster."""
