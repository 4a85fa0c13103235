"""The outside: the database of jobs, the local processes, telemetry."""
