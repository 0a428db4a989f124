"""WeChat Pay's callbacks."""

from app.blueprints.wechat_pay.routes import bp

__all__ = ["bp"]
