"""How alike reconstructions and stimuli are."""
