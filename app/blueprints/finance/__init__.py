"""The finance section. Each subject is a file of its own, beside `section`."""

from app.blueprints.finance import bills, daily, horizon, ledger, refunds
from app.blueprints.finance.exports import EXPORTS
from app.blueprints.finance.section import bp

__all__ = ["EXPORTS", "bills", "bp", "daily", "horizon", "ledger", "refunds"]
