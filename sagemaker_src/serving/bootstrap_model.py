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

from fraud.vector import declared_input

FOLDER = Path(__file__).with_name("bootstrap")
INPUT = declared_input({})
MANIFEST = {
    "model_version": "bootstrap",
    **INPUT.manifest(),
    "thresholds": {"review": 2.0, "block": 2.0},  # no score reaches them
}


def main() -> int:
    """Writes the model: a single leaf."""
    nothing = np.zeros((2, len(INPUT.names)), dtype=np.float32)
    rows = xgb.DMatrix(
        nothing,
        label=np.array([0.0, 1.0]),
        feature_names=list(INPUT.names),
        feature_types=list(INPUT.types),
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
