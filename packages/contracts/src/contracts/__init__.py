"""What crosses between services: wire models and typed clients. Imports pydantic only."""
