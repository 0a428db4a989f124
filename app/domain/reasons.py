"""The reason that staff give for an act: somebody will read it later, so it is there, and short."""

from app.domain.errors import Rule, RuleBroken

MOST_REASON = 200
"""Characters, as many as its columns hold."""


def checked_reason(typed: str) -> str:
    """The reason, trimmed. Raises RuleBroken when it is missing or too long."""
    reason = typed.strip()
    if not reason:
        raise RuleBroken(Rule.REASON_MISSING)
    if len(reason) > MOST_REASON:
        raise RuleBroken(Rule.TEXT_TOO_LONG, most=MOST_REASON)
    return reason
