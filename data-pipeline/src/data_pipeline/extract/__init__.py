"""First stage: from bytes to records."""
