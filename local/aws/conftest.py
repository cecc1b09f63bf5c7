"""The modules that import MiniStack run in its own environment; the tests here exercise them from outside, as a process."""

collect_ignore_glob = [
    "host.py",
    "mappings/deliveries.py",
    "mappings/streams.py",
    "ministack/*",
    "region.py",
    "resources.py",
]
