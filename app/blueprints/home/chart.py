"""Columns of orders by day, stacked by region: the geometry, so that the template does no arithmetic."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date

from app.queries.directory import RegionRow

WIDTH, HEIGHT = 372, 240
LEFT, TOP, BOTTOM = 40, 20, 28
GRID_LINES = 4
COLUMN = 0.5  # of the room that a day has
COLOURS = ("var(--region-a)", "var(--region-b)", "var(--region-c)", "var(--region-d)")


@dataclass(frozen=True, slots=True)
class Piece:
    """One region's part of one day."""

    x: float
    y: float
    width: float
    height: float
    fill: str


@dataclass(frozen=True, slots=True)
class Label:
    """A word at a place; `today` is told apart."""

    x: float
    y: float
    text: str
    today: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything that is drawn."""

    width: int
    height: int
    left: int
    right: int
    grid: tuple[Label, ...]
    pieces: tuple[Piece, ...]
    days: tuple[Label, ...]
    totals: tuple[Label, ...]
    legend: tuple[tuple[str, str], ...]  # name, fill


def chart_of(by_day: Mapping[date, Mapping[int, int]], regions: Sequence[RegionRow]) -> Chart:
    """The chart of some days, the last of which is today."""
    fills = {region.id: COLOURS[ord(region.letter) - ord("A")] for region in regions if region.letter in "ABCD"}
    top = _round_up(max((sum(counts.values()) for counts in by_day.values()), default=0))
    room = (WIDTH - LEFT) / max(len(by_day), 1)
    scale = (HEIGHT - TOP - BOTTOM) / top
    ground = HEIGHT - BOTTOM
    pieces: list[Piece] = []
    days: list[Label] = []
    totals: list[Label] = []
    last = max(by_day, default=None)
    for nth, (day, counts) in enumerate(by_day.items()):
        x = LEFT + nth * room + room * (1 - COLUMN) / 2
        y = float(ground)
        for region in regions:
            height = counts.get(region.id, 0) * scale
            y -= height
            if height:
                fill = fills.get(region.id, COLOURS[-1])
                pieces.append(Piece(round(x, 1), round(y, 1), round(room * COLUMN, 1), round(height, 1), fill))
        middle = round(x + room * COLUMN / 2, 1)
        is_today = day == last
        days.append(Label(middle, ground + 18, "今天" if is_today else f"{day:%m-%d}", is_today))
        if total := sum(counts.values()):
            totals.append(Label(middle, round(y - 6, 1), str(total), is_today))
    grid = tuple(
        Label(LEFT - 8, round(ground - step * top / GRID_LINES * scale, 1), str(step * top // GRID_LINES))
        for step in range(GRID_LINES + 1)
    )
    legend = tuple((region.title, fills.get(region.id, COLOURS[-1])) for region in regions)
    return Chart(WIDTH, HEIGHT, LEFT, WIDTH, grid, tuple(pieces), tuple(days), tuple(totals), legend)


def _round_up(most: int) -> int:
    """The smallest round number that is not below, and that four grid lines divide."""
    step = 1
    while True:
        for times in (1, 2, 3, 5):
            if step * times * GRID_LINES >= most:
                return step * times * GRID_LINES
        step *= 10
