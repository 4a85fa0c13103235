"""What retrieval costs: by itself, against bare FAISS, and over a million vectors."""
