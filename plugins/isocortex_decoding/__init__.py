"""Decoding CNN features and categories from brain activity."""
