"""A plugin of pytest: the product as it is where its catalogue declares risks, for tests in a process of their own.

    python -m pytest -p tests.lambda_src.declared_risks tests/lambda_src/served_risks.py

What is declared is read when a module is imported, so only a new process has other declarations.
"""

from __future__ import annotations

import sys

LABEL_DELAY_DAYS = 7


def pytest_load_initial_conftests() -> None:
    """Declares them, before anything is imported that reads the catalogue."""
    import fraud.features.catalogue as declared  # noqa: PLC0415

    assert not {"fraud.vector", "fraud.deciding", "fraud.features.nightly"} & set(sys.modules)
    declared.CATALOGUE = declared.with_risks(LABEL_DELAY_DAYS)
    declared.NIGHTLY_FEATURES = declared.CATALOGUE.cut_features
