"""What can be set about a world, and what is allowed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

TRANSACTIONS_PER_CARD_AND_DAY = 5_400_000 / (10_000 * 152)
MAX_TRANSACTIONS = 50_000_000
MAX_CARD_DAYS = 50_000_000


class WorldSettingsError(ValueError):
    """A setting outside its range: names the setting, its value, and what is allowed."""

    def __init__(self, setting: str, value: object, allowed: str) -> None:
        self.setting, self.value, self.allowed = setting, value, allowed
        super().__init__(f"{setting}: {value}; allowed: {allowed}")


@dataclass(frozen=True, kw_only=True)
class WorldSettings:
    """The size, period, fraud rate and seed of a world.

    Args:
        cards: how many cards there are, 1 to 200,000.
        days: how long the period is, 1 to 3,660 days.
        start: the first day; the period must lie between 2000-01-01 and 2099-12-31.
        fraud_rate: the share of transactions that are fraud, 0 to 0.1.
        transactions: how many rows to make; None means about 3.55 a card and day.
        seed: 0 to 2**32 - 1. The same settings and seed give the same bytes.

    Raises:
        WorldSettingsError: a value outside its range, with what is allowed.

    >>> WorldSettings(cards=10_000, days=152).rows
    5400000
    >>> WorldSettings(fraud_rate=2)
    Traceback (most recent call last):
    ...
    fraud.world.settings.WorldSettingsError: fraud_rate: 2; allowed: 0 to 0.1
    """

    cards: int = 1000
    days: int = 90
    start: date = date(2026, 1, 1)
    fraud_rate: float = 0.0025
    transactions: int | None = None
    seed: int = 1

    def __post_init__(self) -> None:
        _check(1 <= self.cards <= 200_000, "cards", self.cards, "1 to 200,000")
        _check(1 <= self.days <= 3_660, "days", self.days, "1 to 3,660")
        _check(0 <= self.fraud_rate <= 0.1, "fraud_rate", self.fraud_rate, "0 to 0.1")
        _check(0 <= self.seed < 2**32, "seed", self.seed, "0 to 4,294,967,295")
        last = self.start.toordinal() + self.days - 1
        in_contract = date(2000, 1, 1) <= self.start and last <= date(2099, 12, 31).toordinal()
        _check(in_contract, "start", self.start, "a period within 2000-01-01 to 2099-12-31")
        _check(
            self.cards * self.days <= MAX_CARD_DAYS,
            "cards x days",
            f"{self.cards * self.days:,}",
            f"at most {MAX_CARD_DAYS:,}; make several worlds with different seeds",
        )
        _check(
            1 <= self.rows <= MAX_TRANSACTIONS,
            "transactions",
            f"{self.rows:,}",
            f"1 to {MAX_TRANSACTIONS:,}; make several worlds with different seeds",
        )

    @property
    def rows(self) -> int:
        """How many transactions the world has."""
        if self.transactions is not None:
            return self.transactions
        return max(1, round(self.cards * self.days * TRANSACTIONS_PER_CARD_AND_DAY))

    @property
    def end(self) -> date:
        """The first day after the period.

        >>> WorldSettings(days=31).end
        datetime.date(2026, 2, 1)
        """
        return self.start + timedelta(days=self.days)

    @classmethod
    def full(cls, *, start: date = date(2026, 1, 1), fraud_rate: float = 0.0025, seed: int = 1) -> WorldSettings:
        """The size of the streaming-features article: 5.4 million transactions of 10,000 cards in five months."""
        return cls(cards=10_000, days=152, start=start, fraud_rate=fraud_rate, seed=seed)


def _check(holds: bool, setting: str, value: object, allowed: str) -> None:
    if not holds:
        raise WorldSettingsError(setting, value, allowed)
