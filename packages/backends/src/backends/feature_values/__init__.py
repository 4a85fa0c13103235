"""How features are written as bytes, the same in every feature store."""
