"""What data-pipeline is about: records, their ports, their faults. Knows no framework."""
