"""The use cases: take a batch in, freeze a snapshot."""
