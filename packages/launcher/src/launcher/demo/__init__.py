"""The demo: a tenant with the sample's data, a trained model and an API key."""
