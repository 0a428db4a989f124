"""Money is whole fen, an int, everywhere; yuan exist only where people read them, and only here."""

LARGEST_FEN = 10**10
"""A sanity ceiling on any single amount (100 million yuan)."""


def yuan(fen: int) -> str:
    """`123400` → `1,234.00`; a negative amount has the true minus sign."""
    sign = "−" if fen < 0 else ""
    return f"{sign}{abs(fen) // 100:,}.{abs(fen) % 100:02d}"
