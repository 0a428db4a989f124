"""The blueprint of the section."""

from flask import Blueprint

bp = Blueprint("files", __name__)
