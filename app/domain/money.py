"""Money is whole fen, an int, everywhere; yuan exist only where people read and type them, and only here."""

import re
import unicodedata

LARGEST_FEN = 10**10
"""A sanity ceiling on any single amount (100 million yuan)."""

_TYPED = re.compile(r"¥?([0-9]{1,12}|[0-9]{1,3}(?:,[0-9]{3}){1,3})(?:\.([0-9]{1,2}))?元?")


def yuan(fen: int) -> str:
    """`123400` → `1,234.00`; a negative amount has the true minus sign."""
    sign = "−" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def read_yuan(typed: str) -> int:
    """What somebody types, as fen: `12`, `12.5`, `¥1,234.00`, in any width. Raises ValueError."""
    text = "".join(unicodedata.normalize("NFKC", typed).split())
    found = _TYPED.fullmatch(text)
    if found is None:
        raise ValueError("no amount of yuan")
    return int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))
