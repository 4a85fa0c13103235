"""What the engine is about: queries, answers, jobs and their errors; no framework here."""
