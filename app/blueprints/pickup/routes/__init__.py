"""The routes of the counter, one file for each subject."""

from app.blueprints.pickup.routes import attempts, batteries, cards, counter, orders
from app.blueprints.pickup.section import bp

__all__ = ["attempts", "batteries", "bp", "cards", "counter", "orders"]
