"""Files of transactions scored by a model: `requests` to it, which a batch transform sends, and the `scores` of its answers."""
