"""LightGBM and XGBoost behind scikit-learn's interface, kept in their own text and JSON formats.

Both come with the extra `models` and are imported only when one is fitted or read.
"""

import importlib
from abc import ABC, abstractmethod
from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field

from trifid.errors import ConfigError
from trifid.models.methods import Depth, MethodConfig, Positive, Trees


class LightGBMMethod(MethodConfig):
    """LightGBM. Paper: Ke et al. 2017."""

    kind: Literal["lightgbm"] = "lightgbm"
    trees: Trees = 100
    leaves: int = Field(default=31, ge=2)
    learning_rate: Positive = 0.1

    def estimator(self, seed: int) -> "Boosted":
        """A booster of LightGBM."""
        return LightGBM(self, seed)


class XGBoostMethod(MethodConfig):
    """XGBoost. Paper: Chen & Guestrin 2016.

    Rounds end early when a held-out share of the training rows (`held_out`, drawn with the seed)
    has not improved for `patience` rounds; 0 = never.
    """

    kind: Literal["xgboost"] = "xgboost"
    trees: Trees = 500
    depth: Depth = 6
    learning_rate: Positive = 0.1
    patience: int = Field(default=20, ge=0)
    held_out: float = Field(default=0.1, gt=0, lt=1)

    def estimator(self, seed: int) -> "Boosted":
        """A booster of XGBoost."""
        return XGBoost(self, seed)


class Boosted(ABC):
    """What both share: labels renumbered 0 .. K-1, probabilities of every class seen."""

    classes_: np.ndarray
    suffix = ""

    def __init__(self, config: Any, seed: int) -> None:
        self.config, self.seed, self.booster = config, seed, None

    def fit(
        self, x: np.ndarray, y: np.ndarray, sample_weight: np.ndarray | None = None
    ) -> "Boosted":
        """Learns from features (N, F) and class numbers (N,)."""
        self.classes_, index = np.unique(y, return_inverse=True)
        self.booster = self._train(x, index, sample_weight)
        return self

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        """Probabilities (N, K) of the classes seen."""
        found = np.asarray(self._scores(x), np.float64)
        return np.stack([1 - found, found], axis=1) if found.ndim == 1 else found

    @abstractmethod
    def _train(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> Any: ...

    @abstractmethod
    def _scores(self, x: np.ndarray) -> np.ndarray: ...

    @abstractmethod
    def to_bytes(self) -> bytes:
        """The fitted booster in its own format."""
        ...

    @abstractmethod
    def from_bytes(self, content: bytes) -> int:
        """Reads a booster that was checked; gives its number of features."""
        ...


class LightGBM(Boosted):
    """A LightGBM booster; the same rows give the same trees on any number of threads."""

    suffix = "txt"

    def _train(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> Any:
        lightgbm = _optional("lightgbm")
        classes = len(self.classes_)
        settings: dict[str, Any] = {
            "objective": "multiclass" if classes > 2 else "binary",
            "num_leaves": self.config.leaves,
            "learning_rate": self.config.learning_rate,
            "num_threads": torch.get_num_threads(),
            "seed": self.seed,
            "deterministic": True,
            "force_row_wise": True,
            "verbosity": -1,
        } | ({"num_class": classes} if classes > 2 else {})
        data = lightgbm.Dataset(x, y, weight=weight)
        return lightgbm.train(settings, data, num_boost_round=self.config.trees)

    def _scores(self, x: np.ndarray) -> np.ndarray:
        return self.booster.predict(x, num_threads=torch.get_num_threads())  # type: ignore[union-attr]

    def to_bytes(self) -> bytes:
        """LightGBM's text format."""
        return self.booster.model_to_string().encode()  # type: ignore[union-attr]

    def from_bytes(self, content: bytes) -> int:
        """Reads LightGBM's text format."""
        self.booster = _optional("lightgbm").Booster(model_str=content.decode())
        return int(self.booster.num_feature())


class XGBoost(Boosted):
    """An XGBoost booster with histogram trees."""

    suffix = "json"

    def _train(self, x: np.ndarray, y: np.ndarray, weight: np.ndarray | None) -> Any:
        xgboost = _optional("xgboost")
        config, classes = self.config, len(self.classes_)
        settings: dict[str, Any] = {
            "objective": "multi:softprob" if classes > 2 else "binary:logistic",
            "max_depth": config.depth,
            "learning_rate": config.learning_rate,
            "tree_method": "hist",
            "nthread": torch.get_num_threads(),
            "seed": self.seed,
            "verbosity": 0,
        } | ({"num_class": classes} if classes > 2 else {})
        weight = np.ones(len(y)) if weight is None else weight
        held = np.random.default_rng(self.seed).random(len(y)) < config.held_out
        if not config.patience or held.all() or not held.any():
            data = xgboost.DMatrix(x, y, weight=weight)
            return xgboost.train(settings, data, num_boost_round=config.trees)
        booster = xgboost.train(
            settings,
            xgboost.DMatrix(x[~held], y[~held], weight=weight[~held]),
            num_boost_round=config.trees,
            evals=[(xgboost.DMatrix(x[held], y[held], weight=weight[held]), "held")],
            early_stopping_rounds=config.patience,
            verbose_eval=False,
        )
        return booster[: booster.best_iteration + 1]

    def _scores(self, x: np.ndarray) -> np.ndarray:
        return self.booster.predict(_optional("xgboost").DMatrix(x))  # type: ignore[union-attr]

    def to_bytes(self) -> bytes:
        """XGBoost's JSON format."""
        return bytes(self.booster.save_raw("json"))  # type: ignore[union-attr]

    def from_bytes(self, content: bytes) -> int:
        """Reads XGBoost's JSON format."""
        xgboost = _optional("xgboost")
        self.booster = xgboost.Booster()
        self.booster.load_model(bytearray(content))
        return int(self.booster.num_features())


def _optional(name: str) -> Any:
    """A package of the extra `models`.

    Raises:
        ConfigError: If it is not installed.
    """
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ConfigError(
            f"{name} is not installed ({error}): pip install 'trifid[models]'"
        ) from None
