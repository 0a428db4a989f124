"""An oracle for the numbers: a series replayed by its own sequence, knowing nothing of its slots' states."""

from dataclasses import dataclass
from itertools import count

from flask import Flask
from sqlalchemy import select

from app.domain.numbering import Business
from app.models.directory import Region
from app.models.numbers import NumberHolding, NumberSeries, NumberSlot
from tests.factories.reading import read


@dataclass(frozen=True)
class Replayed:
    """What a series came to."""

    claims: int
    held: dict[int, int | None]  # who holds which number now


def replayed(app: Flask, letter: str, business: Business = Business.SALE) -> Replayed:
    """Replays the series of a region. Raises AssertionError at the first wrong turn (NUM-4 to NUM-6)."""
    with read(app) as session:
        rows = session.execute(
            select(NumberSlot.n, NumberHolding.from_seq, NumberHolding.to_seq, NumberHolding.order_id)
            .join(NumberSlot, NumberSlot.id == NumberHolding.slot_id)
            .join(NumberSeries, NumberSeries.id == NumberSlot.series_id)
            .join(Region, Region.id == NumberSeries.region_id)
            .where(Region.letter == letter, NumberSeries.business == business)
        ).all()
    turns = [(row.from_seq, True, row.n, row.order_id) for row in rows]
    turns += [(row.to_seq, False, row.n, row.order_id) for row in rows if row.to_seq is not None]
    assert len({seq for seq, *_ in turns}) == len(turns), "two turns of the series share a seq"
    held: dict[int, int | None] = {}
    for seq, claims, n, order_id in sorted(turns):
        if claims:
            assert n not in held, f"seq {seq}: {n} has two live holders, orders {held[n]} and {order_id}"
            smallest = next(number for number in count(1) if number not in held)
            assert n == smallest, f"seq {seq}: {n} was claimed, {smallest} was free"
            held[n] = order_id
        else:
            assert held.pop(n) == order_id
    return Replayed(len(rows), held)
