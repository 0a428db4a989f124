"""The section 个人中心: for now the review of student cards."""

from app.blueprints.personal_center.routes import bp

__all__ = ["bp"]
