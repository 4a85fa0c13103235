"""What backend-api is about: tenants, their keys, and the ports it needs."""
