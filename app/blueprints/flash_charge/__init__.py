"""The flash-charge section."""

from app.blueprints.flash_charge import batteries, disputes, overview, series
from app.blueprints.flash_charge.section import bp

__all__ = ["batteries", "bp", "disputes", "overview", "series"]
