"""Training jobs: the queue, the process of their own, and what happens in it."""
