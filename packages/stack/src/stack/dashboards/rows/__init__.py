"""Rows that are too many for the module of their dashboard."""
