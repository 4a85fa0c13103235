"""What training costs: ALS against the implicit library itself, and growth with interactions."""
