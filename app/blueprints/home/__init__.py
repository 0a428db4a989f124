"""The first page: what is to be done."""

from app.blueprints.home.routes import bp

__all__ = ["bp"]
