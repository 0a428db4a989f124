"""The settings section: the catalogue of settings, and the directory of regions."""

from app.blueprints.settings import regions, routes, schools
from app.blueprints.settings.section import bp

__all__ = ["bp", "regions", "routes", "schools"]
