"""Networks as models: images in, features and gradients out."""
