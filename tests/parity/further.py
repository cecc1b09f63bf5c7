"""Declarations beside the product's, for tests: windows and habits by other keys, which a transaction may lack."""

from __future__ import annotations

from fraud.features.catalogue import CATALOGUE, Catalogue
from fraud.features.habits import Habit
from fraud.features.windows import Window
from tests.parity.naive import MINUTE_MS, WINDOWS, NaiveWindow
from tests.parity.naive_nightly import HABITS, NaiveHabit

FURTHER = Catalogue(
    windows=(
        *CATALOGUE.windows,
        Window(key=("device_id",), back="10m", aggregates=("count", "sum", "max", "mean age")),
        Window(key=("merchant",), back="1h", aggregates=("count", "mean")),
        Window(key=("cc_num", "category"), back="1d", aggregates=("count",)),
        Window(key=("category", "device_id"), back="90m", aggregates=("mean",)),
    ),
    habits=(
        *CATALOGUE.habits,
        Habit(back="2d", aggregates=("sum",)),
        Habit(key=("cc_num", "category"), back="30d", aggregates=("max",)),
        Habit(key=("cc_num", "device_id"), back="all", aggregates=("count", "mean")),
        Habit(key=("cc_num", "merchant"), back="2w", aggregates=("sum",)),
        Habit(key=("merchant",), back="1w", aggregates=("count", "max")),
        Habit(key=("hour",), back="all", aggregates=("mean",)),
    ),
)
"""The product's and more."""

FURTHER_WINDOWS = (
    *WINDOWS,
    NaiveWindow(
        10 * MINUTE_MS,
        {
            "num_trans_device_last_10m": "count",
            "sum_amt_device_last_10m": "sum",
            "max_amt_device_last_10m": "max",
            "mean_age_device_last_10m": "mean age",
        },
        ("device_id",),
    ),
    NaiveWindow(
        60 * MINUTE_MS, {"num_trans_merchant_last_1h": "count", "avg_amt_merchant_last_1h": "mean"}, ("merchant",)
    ),
    NaiveWindow(24 * 60 * MINUTE_MS, {"num_trans_card_category_last_1d": "count"}, ("cc_num", "category")),
    NaiveWindow(90 * MINUTE_MS, {"avg_amt_category_device_last_90m": "mean"}, ("category", "device_id")),
)
FURTHER_HABITS = (
    *HABITS,
    NaiveHabit(2, {"sum_amt_last_2d": "sum"}),
    NaiveHabit(30, {"max_amt_category_last_30d": "max"}, ("cc_num", "category")),
    NaiveHabit(None, {"num_trans_device_all": "count", "avg_amt_device_all": "mean"}, ("cc_num", "device_id")),
    NaiveHabit(14, {"sum_amt_merchant_last_2w": "sum"}, ("cc_num", "merchant")),
    NaiveHabit(
        7, {"num_trans_population_merchant_1w": "count", "max_amt_population_merchant_1w": "max"}, ("merchant",)
    ),
    NaiveHabit(None, {"avg_amt_population_hour_all": "mean"}, ("hour",)),
)
"""The same, written out for the naive loops."""

PROGRAM = """
import runpy, sys
sys.path.insert(0, {root!r})
from fraud.features import catalogue
from tests.parity.further import FURTHER
catalogue.CATALOGUE = FURTHER
runpy.run_path({program!r}, run_name="__main__")
"""
"""A program of the product that finds FURTHER where the product's catalogue is."""
