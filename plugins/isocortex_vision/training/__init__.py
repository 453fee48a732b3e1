"""Training a network on digits and objects (study A)."""
