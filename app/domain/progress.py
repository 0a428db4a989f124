"""Where today stands between the beginning of a use or rental, its last free day, and its freeze (decision 19)."""

from dataclasses import dataclass
from datetime import date, timedelta

from app.domain.terms import days_out


@dataclass(frozen=True, slots=True)
class Progress:
    """The days of one use or rental that is out, all in Shanghai."""

    began_on: date
    free_until: date  # the last day that costs no late fee
    freezes_on: date
    today: date

    @property
    def day(self) -> int:
        """Days since it began; 0 on the day itself."""
        return days_out(self.began_on, self.today)

    @property
    def free_left(self) -> int:
        """Free days to come; 0 on the last of them and later."""
        return max(days_out(self.today, self.free_until), 0)

    @property
    def days_late(self) -> int:
        """Days past the last free one; never negative."""
        return max(days_out(self.free_until, self.today), 0)

    @property
    def fees_from(self) -> date:
        """The first day that costs a late fee."""
        return self.free_until + timedelta(days=1)

    @property
    def is_frozen(self) -> bool:
        """Whether the account is frozen by it."""
        return self.today >= self.freezes_on

    @property
    def free_share(self) -> int:
        """How much of the way to the freeze is free, in percent."""
        return self._share(self.free_until)

    @property
    def today_share(self) -> int:
        """How much of the way to the freeze is gone, in percent."""
        return self._share(self.today)

    @property
    def gone_free_share(self) -> int:
        """How much of the way is gone and was free, in percent."""
        return min(self.today_share, self.free_share)

    @property
    def gone_late_share(self) -> int:
        """How much of the way is gone and was not free, in percent."""
        return self.today_share - self.gone_free_share

    def _share(self, day: date) -> int:
        whole = days_out(self.began_on, self.freezes_on)
        return min(100 * days_out(self.began_on, day) // whole, 100) if whole > 0 else 100
