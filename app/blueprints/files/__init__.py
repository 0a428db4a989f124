"""The files that staff asked for: prints and exports."""

from app.blueprints.files import exporting, routes
from app.blueprints.files.section import bp

__all__ = ["bp", "exporting", "routes"]
