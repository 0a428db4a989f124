"""The prints that staff asked for."""

from app.blueprints.prints.routes import bp

__all__ = ["bp"]
