"""Starts the three services on one machine and loads the sample."""
