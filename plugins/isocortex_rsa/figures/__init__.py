"""Pictures of RDMs and of how well models fit."""
