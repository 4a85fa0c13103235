"""Metrics, traces, logs and health: one package for all three services.

Nothing is exported here, so that domain code pays for `instrumentation.stages` alone.
A service's bootstrap begins with `instrumentation.telemetry.start_telemetry`.
"""
