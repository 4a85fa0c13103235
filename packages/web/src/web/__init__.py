"""The HTTP edge that all three services share."""
