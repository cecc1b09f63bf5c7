"""A generator of made-up worlds: cards and their holders, merchants, honest habits, fraud. Seeded, vectorised, no I/O."""

from fraud.world.generate import World, generate
from fraud.world.settings import WorldSettings, WorldSettingsError
from fraud.world.tables import stream_messages, to_file, to_kaggle, tokenised

__all__ = [
    "World",
    "WorldSettings",
    "WorldSettingsError",
    "generate",
    "stream_messages",
    "to_file",
    "to_kaggle",
    "tokenised",
]
