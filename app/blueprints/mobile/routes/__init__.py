"""The routes of the phone, one file for each subject."""

from app.blueprints.mobile.routes import (
    card,
    deposits,
    flash,
    login,
    me,
    number,
    orders,
    owed,
    pay,
    register,
    rent,
    vehicles,
)
from app.blueprints.mobile.section import bp, codes

__all__ = [
    "bp",
    "card",
    "codes",
    "deposits",
    "flash",
    "login",
    "me",
    "number",
    "orders",
    "owed",
    "pay",
    "register",
    "rent",
    "vehicles",
]
