"""Splitting samples so that nothing leaks from training to test."""
