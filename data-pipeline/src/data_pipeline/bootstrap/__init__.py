"""The composition root: what is built, in which order, from which settings."""

from data_pipeline.bootstrap.application import build_app
from data_pipeline.migrate import MIGRATIONS

__all__ = ["MIGRATIONS", "build_app"]
