"""`fraud runs`: what `fraud train`, `evaluate` and `tune` have kept of their runs."""
