"""The modules that import MiniStack run in its own environment; the tests here exercise them from outside, as a process."""

collect_ignore = [
    "host.py",
    "mappings/deliveries.py",
    "mappings/sources.py",
    "ministack.py",
    "region.py",
    "resources.py",
]
