"""A simulated study with a known answer: layers and concept codes planted in known places of a brain."""
