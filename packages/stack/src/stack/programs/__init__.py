"""The real programs of the stack, started on loopback with the configuration of this repository."""
