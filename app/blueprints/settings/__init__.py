"""The settings section: the catalogue of settings, vehicles with their prices and stock, the directory of regions."""

from app.blueprints.settings import closed_days, listings, numbers, regions, routes, schools, vehicles
from app.blueprints.settings.section import bp

__all__ = ["bp", "closed_days", "listings", "numbers", "regions", "routes", "schools", "vehicles"]
