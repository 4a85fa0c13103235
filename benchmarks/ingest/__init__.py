"""Taking events in: files, HTTP batches and Kafka, beside DuckDB and the raw read."""
