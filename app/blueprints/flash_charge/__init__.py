"""The flash-charge section."""

from app.blueprints.flash_charge import batteries, disputes, overview, series, uses
from app.blueprints.flash_charge.section import bp

__all__ = ["batteries", "bp", "disputes", "overview", "series", "uses"]
