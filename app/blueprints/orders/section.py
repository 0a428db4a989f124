"""The blueprint of the orders section."""

from flask import Blueprint

bp = Blueprint("orders", __name__)
