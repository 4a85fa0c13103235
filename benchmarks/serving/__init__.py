"""Speed of serving, end to end and of its parts."""
