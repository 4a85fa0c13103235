"""Recommendation models: each turns histories into scores for every item."""
