"""A small model as it is served, and rows of its vector."""

from __future__ import annotations

import io

import numpy as np
import pytest

from sagemaker_src.serving.inference import model_fn
from samples.deciding_world import CATEGORIES, INPUT, write_model


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return model_fn(str(write_model(tmp_path_factory.mktemp("model"))))


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(2)
    vectors = random.gamma(2, 40, size=(100, len(INPUT.names))).astype(np.float32)
    vectors[:, INPUT.names.index("category")] = random.integers(0, len(CATEGORIES), len(vectors))
    vectors[random.random(vectors.shape) < 0.1] = np.nan
    return vectors


def as_npy(rows):
    file = io.BytesIO()
    np.save(file, rows)
    return file.getvalue()
