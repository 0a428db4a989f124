"""The customer's phone: seeing, reserving, paying for and following a vehicle (CARD-6)."""

from app.blueprints.mobile.routes import bp, codes

__all__ = ["bp", "codes"]
