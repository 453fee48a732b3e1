"""The scale of decoded features, before they are inverted."""
