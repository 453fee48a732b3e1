"""Reading images back from CNN features: inversion, scaling, outputs, evaluation, controls."""
