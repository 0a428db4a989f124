"""减免: letting late fees go, of a battery use and of a rental alike."""

from app.blueprints.late_fees.routes import bp

__all__ = ["bp"]
