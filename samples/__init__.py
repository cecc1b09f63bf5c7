"""Small made-up inputs that tests and benchmarks share: a model and its nightly records, functions' settings, AWS's events."""
