"""The composition root: what is built, in which order, from which settings."""

from backend_api.bootstrap.administration import Administration, build_administration
from backend_api.bootstrap.application import build_app
from backend_api.migrate import MIGRATIONS

__all__ = ["MIGRATIONS", "Administration", "build_administration", "build_app"]
