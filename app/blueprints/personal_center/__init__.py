"""The section 个人中心: for now the review of student cards, and what bars people."""

from app.blueprints.personal_center import restrictions, standing
from app.blueprints.personal_center.routes import bp

__all__ = ["bp", "restrictions", "standing"]
