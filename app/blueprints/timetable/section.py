"""The blueprint of the section."""

from flask import Blueprint

bp = Blueprint("timetable", __name__)
