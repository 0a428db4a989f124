"""The orders section."""

from app.blueprints.orders import deposits, routes, troubles
from app.blueprints.orders.section import bp

__all__ = ["bp", "deposits", "routes", "troubles"]
