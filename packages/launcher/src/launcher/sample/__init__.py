"""Sample data: real ratings where they can be had, a seeded simulator where not."""
