"""Linear decoders of very many units."""
