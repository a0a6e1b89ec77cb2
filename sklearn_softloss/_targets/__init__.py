"""Targets from y as given to what a training step reads: domains, encodings, codes, weights."""
