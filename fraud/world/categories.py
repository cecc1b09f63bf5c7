"""What people buy: the 14 categories of the Sparkov data set, how often, for how much and when."""

from __future__ import annotations

from typing import NamedTuple


class Category(NamedTuple):
    """One category of purchases.

    `small` and `large` are two kinds of purchase in it, each log-normal: median in dollars, spread of the logarithm.
    """

    name: str
    share: float
    small: tuple[float, float]
    large: tuple[float, float]
    large_share: float
    rhythm: str

    @property
    def online(self) -> bool:
        """Whether it is bought from anywhere (`_net`) rather than in a shop."""
        return self.name.endswith("_net")


CATEGORIES: tuple[Category, ...] = (
    Category("entertainment", 0.07, (14.0, 0.7), (65.0, 0.65), 0.5, "evening"),
    Category("food_dining", 0.11, (12.0, 0.5), (48.0, 0.6), 0.5, "meals"),
    Category("gas_transport", 0.12, (3.4, 0.5), (58.0, 0.35), 0.6, "commute"),
    Category("grocery_net", 0.04, (18.0, 0.6), (72.0, 0.5), 0.7, "online"),
    Category("grocery_pos", 0.14, (21.0, 0.7), (105.0, 0.5), 0.45, "shops"),
    Category("health_fitness", 0.05, (15.0, 0.6), (58.0, 0.6), 0.5, "shops"),
    Category("home", 0.07, (19.0, 0.7), (75.0, 0.65), 0.5, "shops"),
    Category("kids_pets", 0.06, (16.0, 0.6), (55.0, 0.6), 0.6, "shops"),
    Category("misc_net", 0.05, (8.0, 0.8), (85.0, 0.7), 0.35, "online"),
    Category("misc_pos", 0.08, (3.6, 0.7), (52.0, 0.7), 0.35, "commute"),
    Category("personal_care", 0.05, (11.0, 0.6), (42.0, 0.65), 0.5, "shops"),
    Category("shopping_net", 0.08, (9.0, 0.8), (85.0, 0.7), 0.4, "online"),
    Category("shopping_pos", 0.06, (8.0, 0.8), (75.0, 0.7), 0.45, "shops"),
    Category("travel", 0.02, (7.0, 0.7), (230.0, 0.6), 0.35, "online"),
)

NAMES: tuple[str, ...] = tuple(category.name for category in CATEGORIES)
INDEX: dict[str, int] = {name: index for index, name in enumerate(NAMES)}

RHYTHMS: dict[str, tuple[float, ...]] = {
    "shops": (6, 4, 3, 3, 3, 5, 12, 25, 45, 70, 90, 100, 100, 90, 85, 85, 95, 110, 105, 85, 60, 40, 25, 13),
    "meals": (12, 8, 5, 4, 4, 8, 25, 50, 50, 35, 30, 80, 120, 85, 35, 30, 40, 80, 130, 125, 90, 60, 38, 22),
    "commute": (8, 5, 4, 4, 10, 28, 70, 110, 100, 60, 45, 50, 60, 55, 50, 60, 90, 115, 95, 60, 40, 30, 22, 14),
    "evening": (35, 22, 14, 8, 5, 4, 6, 10, 18, 25, 32, 40, 48, 50, 50, 52, 58, 75, 100, 120, 120, 105, 80, 55),
    "online": (50, 36, 26, 19, 16, 17, 24, 36, 48, 58, 64, 68, 72, 70, 66, 66, 70, 76, 84, 98, 110, 112, 96, 72),
    "night": (100, 95, 90, 85, 70, 45, 20, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 15, 20, 20, 25, 30, 50, 80),
}
"""The purchases of an average day by hour of the clock, from midnight; only their proportions matter. `night` is fraud's."""
