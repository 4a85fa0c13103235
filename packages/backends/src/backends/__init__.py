"""Ports that more than one service uses, and their implementations."""
