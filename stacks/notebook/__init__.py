"""What runs on the notebook instance itself: its start, and what stops it when nobody works there."""
