"""The model that the endpoint is deployed with before any was trained: it answers, knows nothing, and says so by its version.

    python -m sagemaker_src.serving.bootstrap_model

Writes `bootstrap/` beside this file, which is committed. Callers take `model_version` `bootstrap` for "no model yet".
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import xgboost as xgb

from fraud.vector import FEATURE_NAMES, FEATURE_TYPES

FOLDER = Path(__file__).with_name("bootstrap")
MANIFEST = {
    "model_version": "bootstrap",
    "feature_names": list(FEATURE_NAMES),
    "feature_types": list(FEATURE_TYPES),
    "categories": [],
    "thresholds": {"review": 2.0, "block": 2.0},  # no score reaches them
}


def main() -> int:
    """Writes the model: a single leaf."""
    nothing = np.zeros((2, len(FEATURE_NAMES)), dtype=np.float32)
    rows = xgb.DMatrix(
        nothing,
        label=np.array([0.0, 1.0]),
        feature_names=list(FEATURE_NAMES),
        feature_types=list(FEATURE_TYPES),
        enable_categorical=True,
    )
    booster = xgb.train({"objective": "binary:logistic", "base_score": 0.5, "max_depth": 1, "nthread": 1}, rows, 1)
    FOLDER.mkdir(exist_ok=True)
    booster.save_model(FOLDER / "model.ubj")
    (FOLDER / "manifest.json").write_text(json.dumps(MANIFEST, indent=2) + "\n", encoding="utf-8")
    print(f"wrote {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
