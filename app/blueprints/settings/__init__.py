"""The settings section: the catalogue of settings, vehicles with their prices and stock, the directory of regions."""

from app.blueprints.settings import listings, numbers, regions, routes, schools, vehicles
from app.blueprints.settings.section import bp

__all__ = ["bp", "listings", "numbers", "regions", "routes", "schools", "vehicles"]
