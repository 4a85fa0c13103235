"""The feature store in a Redis that all replicas share."""
