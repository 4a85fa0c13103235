"""What backend-api does, one use case per module."""
