"""Families of models behind one interface, fitted and judged on the same rows as the trees that serve.

They are there to compare with: what is served is XGBoost alone.
"""

from __future__ import annotations

import pickle
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from fraud.model_input import ModelInput
from sagemaker_src.training.fitting import TrainingSettings, fit, sampled, score, silent
from sagemaker_src.training.metrics import Labels, threshold_at_fpr
from sagemaker_src.tuning.judging import Parts, average_precision

Vectors = NDArray[np.float32]


class Fitted(NamedTuple):
    """A model that was fitted.

    Attributes:
        score: the probability of fraud of n vectors.
        size: of the model as it would be kept, bytes.
    """

    score: Callable[[Vectors], NDArray[np.floating[Any]]]
    size: int


Fit = Callable[[Vectors, Labels, ModelInput, TrainingSettings, int], Fitted]
"""Fits on n vectors, their labels, what they are, how honest rows are sampled, and with so many threads."""


def _plain(takes: ModelInput) -> ColumnTransformer:
    """Vectors for what knows neither missing values nor categories: orders of magnitude, a column a code."""
    coded = [place for place, name in enumerate(takes.names) if name in takes.categories]
    numbers = [place for place, name in enumerate(takes.names) if name not in takes.categories]
    magnitude = make_pipeline(
        FunctionTransformer(_magnitude), SimpleImputer(strategy="median", add_indicator=True), StandardScaler()
    )
    codes = make_pipeline(
        SimpleImputer(strategy="constant", fill_value=-1), OneHotEncoder(handle_unknown="ignore", sparse_output=False)
    )
    return ColumnTransformer([("numbers", magnitude, numbers), ("codes", codes, coded)])


def _magnitude(values: NDArray[np.float32]) -> NDArray[np.float32]:
    found: NDArray[np.float32] = np.sign(values) * np.log1p(np.abs(values))
    return found


def _scikit(make: Callable[[ModelInput, TrainingSettings, int], Any], weighs: str) -> Fit:
    def fitted(vectors: Vectors, label: Labels, takes: ModelInput, settings: TrainingSettings, threads: int) -> Fitted:
        kept, weight = sampled(label, settings)
        model = make(takes, settings, threads)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # the network is given so many passes and no more
            model.fit(vectors[kept], label[kept], **{weighs: weight})
        return Fitted(lambda asked: model.predict_proba(asked)[:, 1], len(pickle.dumps(model)))

    return fitted


def _boosted(vectors: Vectors, label: Labels, takes: ModelInput, settings: TrainingSettings, threads: int) -> Fitted:
    model = fit(vectors, label, takes, settings, "", silent, threads=threads)
    return Fitted(lambda asked: score(model, asked), len(model.save_raw("ubj")))


FAMILIES: dict[str, Fit] = {
    "logistic regression": _scikit(
        lambda takes, settings, _: make_pipeline(
            _plain(takes), LogisticRegression(max_iter=300, random_state=settings.seed)
        ),
        "logisticregression__sample_weight",
    ),
    "random forest": _scikit(
        lambda _, settings, threads: RandomForestClassifier(
            100, min_samples_leaf=3, n_jobs=threads, random_state=settings.seed
        ),
        "sample_weight",
    ),
    "small neural network": _scikit(
        lambda takes, settings, _: make_pipeline(
            _plain(takes),
            MLPClassifier((64, 32), batch_size=512, max_iter=12, tol=0, random_state=settings.seed),
        ),
        "mlpclassifier__sample_weight",
    ),
    "XGBoost": _boosted,
}
"""{what a family is called: how it is fitted}, the floor first, what serves last."""


class Compared(NamedTuple):
    """One family on the judged rows.

    Attributes:
        family: of FAMILIES.
        average_precision: of the judged rows.
        recall: of their frauds, at the threshold that flags .1% of their honest rows.
        fit_s: to fit, seconds.
        score_us: to score one of all judged rows together, microseconds.
        size: bytes.
    """

    family: str
    average_precision: float
    recall: float
    fit_s: float
    score_us: float
    size: int


def compare(
    parts: Parts, settings: TrainingSettings, threads: int, families: dict[str, Fit] | None = None
) -> Iterator[Compared]:
    """Each family, fitted and judged on the same rows, one after the other.

    Args:
        parts: of `parts_before`.
        settings: how the trees are fitted; of the others, how the honest rows are sampled, and the seed.
        threads: to fit with.
        families: None: FAMILIES.
    """
    for name, fits in (families or FAMILIES).items():
        began = time.perf_counter()
        model = fits(*parts.fitted, parts.takes, settings, threads)
        fitted_at = time.perf_counter()
        scores = model.score(parts.judged.vectors)
        scored_in = time.perf_counter() - fitted_at
        strict = threshold_at_fpr(parts.judged.label, scores, 0.001)
        yield Compared(
            name,
            average_precision(parts, scores),
            float((scores[parts.judged.label == 1] >= strict).mean()),
            fitted_at - began,
            1e6 * scored_in / len(scores),
            model.size,
        )
