"""Offline evaluation: splits, full ranking, metrics with intervals, reports."""
