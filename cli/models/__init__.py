"""`fraud models`: the versions of the model registry, and which of them serves."""
