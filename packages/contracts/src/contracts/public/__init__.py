"""What the public API takes and answers beyond the models of the services behind it."""
