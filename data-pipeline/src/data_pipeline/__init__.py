"""Takes in events and catalogues, keeps the feature store up to date, freezes snapshots."""
