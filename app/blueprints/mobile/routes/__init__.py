"""The routes of the phone, one file for each subject."""

from app.blueprints.mobile.routes import login, me, number, orders, pay, register, vehicles
from app.blueprints.mobile.section import bp

__all__ = ["bp", "login", "me", "number", "orders", "pay", "register", "vehicles"]
