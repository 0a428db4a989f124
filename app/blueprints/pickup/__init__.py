"""The counter."""

from app.blueprints.pickup.routes import bp

__all__ = ["bp"]
