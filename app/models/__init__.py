"""The tables: columns and the constraints that carry the invariants. Importing this package fills `Base.metadata`."""

from app.models import access, directory, journal, money, numbers, orders, people, vehicles, work
from app.models.base import Base

__all__ = ["Base", "access", "directory", "journal", "money", "numbers", "orders", "people", "vehicles", "work"]
