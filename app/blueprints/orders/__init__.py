"""The orders section."""

from app.blueprints.orders import deposits, refunds, routes, troubles
from app.blueprints.orders.exports import EXPORTS
from app.blueprints.orders.section import bp

__all__ = ["EXPORTS", "bp", "deposits", "refunds", "routes", "troubles"]
