"""Which event ids a tenant has sent within the window: an index beside the log, made from it."""

from data_pipeline.adapters.seen_ids.hashes import hash_ids
from data_pipeline.adapters.seen_ids.index import SeenIds
from data_pipeline.adapters.seen_ids.store import SeenIdsStore

__all__ = ["SeenIds", "SeenIdsStore", "hash_ids"]
