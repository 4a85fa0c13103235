"""The operations of the API, grouped by what they are about."""
