"""Pictures of reconstructions and of their losses."""
