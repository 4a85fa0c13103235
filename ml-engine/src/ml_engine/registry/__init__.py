"""Every trained model, its lineage and which one serves."""
