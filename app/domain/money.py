"""Money is whole fen, an int, everywhere; yuan exist only where people read and type them, and only here."""

import re
import unicodedata

LARGEST_FEN = 10**10
"""A sanity ceiling on any single amount (100 million yuan)."""

_TYPED = re.compile(r"¥?\s*([0-9]{1,9}|[0-9]{1,3}(?:,[0-9]{3})+)(?:\.([0-9]{1,2}))?\s*元?")


def yuan(fen: int) -> str:
    """`123400` → `1,234.00`; a negative amount has the true minus sign."""
    sign = "−" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"


def parse_yuan(typed: str) -> int:
    """Yuan as a person types them (`1,234.5`, `¥12`, in any width) → fen. Raises ValueError; never rounds.

    A comma parts thousands and nothing else: `1,5` is refused, not read as 15.
    """
    found = _TYPED.fullmatch(unicodedata.normalize("NFKC", typed).strip())
    if found is None:
        raise ValueError(typed)
    fen = int(found[1].replace(",", "")) * 100 + int((found[2] or "").ljust(2, "0"))
    if fen > LARGEST_FEN:
        raise ValueError(typed)
    return fen
