"""Convolutional networks and image generators in TensorFlow: weights, features, training, a look inside."""
