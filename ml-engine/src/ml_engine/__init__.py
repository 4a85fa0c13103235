"""Trains models, keeps the registry, retrieves by FAISS and re-ranks."""
