"""Third stage: what follows the logs."""
