"""What makes, checks and runs the observability stack; no service imports it."""
