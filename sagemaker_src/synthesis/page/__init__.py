"""The quality report of synthetic frauds: one HTML file that needs nothing beside it."""
