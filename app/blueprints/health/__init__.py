"""Whether this process lives, and whether it can work."""

from app.blueprints.health.routes import bp

__all__ = ["bp"]
