"""Service level objectives: one spec, from which rules, a dashboard and a page are generated."""
