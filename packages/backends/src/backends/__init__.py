"""Ports that more than one service uses, their implementations, and timed stages."""
