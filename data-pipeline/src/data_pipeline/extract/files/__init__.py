"""Files of records: JSONL, CSV and Parquet, read a chunk at a time."""
