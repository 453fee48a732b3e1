"""Pictures of decoding accuracy."""
