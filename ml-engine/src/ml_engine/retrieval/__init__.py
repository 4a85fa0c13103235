"""From a query to a ranked answer: candidates, filter, score, re-rank, explain."""
