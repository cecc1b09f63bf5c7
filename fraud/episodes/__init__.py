"""Fraud as card histories: learns how attacks unfold, makes new ones, and grafts them onto honest cards. Seeded, no I/O.

A row cannot carry a velocity. What is grafted is transactions; every windowed and nightly feature arises when they are
replayed.
"""

from fraud.episodes.errors import EpisodesError
from fraud.episodes.grafting import Grafted, graft
from fraud.episodes.learning import learn
from fraud.episodes.model import EpisodeModel
from fraud.episodes.sampling import Episodes, sample

__all__ = ["EpisodeModel", "Episodes", "EpisodesError", "Grafted", "graft", "learn", "sample"]
