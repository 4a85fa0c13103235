"""The public API: tenants, keys, recommendations, events."""
