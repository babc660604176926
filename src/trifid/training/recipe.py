"""A recipe: everything that decides the numbers of a run. No path, no device, no logger."""

import hashlib
import tomllib
from collections.abc import Sequence
from typing import Any, Literal, Self, cast

import tomli_w
from pydantic import Field, model_validator

from trifid import registry
from trifid.config import Config, parse
from trifid.data.task import Task
from trifid.errors import ConfigError
from trifid.models.base import ModelPart
from trifid.transforms.augment import AugmentConfig
from trifid.transforms.expression import stored_features
from trifid.transforms.pipeline import InputConfig, SpectrumInput, TableInput

PARTS = 20


class SplitConfig(Config):
    """Which of the 20 parts are train, valid and test, and by what rows are kept together.

    14/3/3 parts are the papers' 70/15/15. `by`: repeats of an object always share a part; `plate`,
    `mjd` and `sky` also keep a whole plate, date or HEALPix cell (nside 8) together.
    """

    by: Literal["group", "plate", "mjd", "sky"] = "group"
    stratify: bool = True
    seed: int = 0
    train: tuple[int, ...] = tuple(range(14))
    valid: tuple[int, ...] = (14, 15, 16)
    test: tuple[int, ...] = (17, 18, 19)

    @model_validator(mode="after")
    def _disjoint(self) -> Self:
        parts = [*self.train, *self.valid, *self.test]
        if not (self.train and self.valid and self.test):
            raise ValueError("train, valid and test need at least one part each")
        if wrong := [part for part in parts if not 0 <= part < PARTS]:
            raise ValueError(f"part {wrong[0]} does not exist: parts are 0 to {PARTS - 1}")
        if len(set(parts)) < len(parts):
            twice = sorted({part for part in parts if parts.count(part) > 1})
            raise ValueError(f"parts {twice} are used twice; they must be disjoint")
        return self

    def fold(self, number: int, folds: int) -> "SplitConfig":
        """The split of one fold: the parts in `folds` runs of nearly one length, three to validate.

        Raises:
            ConfigError: If there are fewer than two folds, or more than parts.
        """
        if not 2 <= folds <= PARTS:
            raise ConfigError(f"{folds} folds of {PARTS} parts; use 2 to {PARTS}")
        test = tuple(range(number * PARTS // folds, (number + 1) * PARTS // folds))
        rest = [(test[-1] + 1 + i) % PARTS for i in range(PARTS - len(test))]
        return self.replace(test=test, valid=tuple(rest[:3]), train=tuple(rest[3:]))


class TrainingConfig(Config):
    """Optimiser, schedule, sampling and regularisation.

    Attributes:
        epochs: Passes over the training rows.
        batch_size: Rows per step.
        learning_rate: Of AdamW.
        weight_decay: Of AdamW.
        schedule: Constant, or cosine to zero after `warmup` epochs of linear rise.
        sampling: See `data.sampler`.
        label_smoothing: Share of each target spread over all classes.
        mixup: Alpha of the Beta distribution of the mixing weight; 0 = off.
        auxiliary_weight: Weight of the auxiliary head's loss.
        loss: Of numbers, see `losses.regression`; by default Huber's, or the Gaussian one where
            the model predicts a spread. Classes have cross-entropy.
        branch_weight: Weight of the loss of each single-modality branch.
        modality_dropout: Probability that a row loses one of its modalities in training.
        augment: What is done to images, spectra and tables of training rows; nothing by default.
        select: The validation score whose best epoch is kept; by default macro F1 for classes,
            the loss for numbers.
        patience: Training stops after so many epochs without a better score; 0 = never.
        seed: Of weights, order, dropout and mixup.
    """

    epochs: int = Field(default=120, ge=1)
    batch_size: int = Field(default=64, ge=1)
    learning_rate: float = Field(default=1e-3, gt=0)
    weight_decay: float = Field(default=1e-3, ge=0)
    schedule: Literal["constant", "cosine"] = "constant"
    warmup: int = Field(default=0, ge=0)
    sampling: Literal["balanced", "shuffled"] = "balanced"
    label_smoothing: float = Field(default=0.1, ge=0, lt=1)
    mixup: float = Field(default=0.2, ge=0)
    loss: Literal["default", "huber", "squared", "gaussian_nll"] = "default"
    auxiliary_weight: float = Field(default=0.3, ge=0)
    branch_weight: float = Field(default=0.3, ge=0)
    modality_dropout: float = Field(default=0.0, ge=0, lt=1)
    augment: AugmentConfig = AugmentConfig()
    select: Literal["default", "macro_f1", "accuracy", "loss", "rmse", "crps"] = "default"
    patience: int = Field(default=0, ge=0)
    seed: int = Field(default=42, ge=0)


class Recipe(Config):
    """A named run: task, split, inputs, model, training.

    `labels` names the source of class labels; `targets` some of the numbers to predict, all if
    empty. `leave_out` names flags of the store, such as `image_blended` or `not clean`: rows with
    one of them are in no fold, whatever their class.
    """

    name: str
    task: str
    labels: str = "default"
    targets: tuple[str, ...] = ()
    leave_out: tuple[str, ...] = ()
    split: SplitConfig = SplitConfig()
    inputs: dict[str, InputConfig]
    model: ModelPart
    training: TrainingConfig = TrainingConfig()

    @model_validator(mode="after")
    def _shiftable(self) -> Self:
        if self.training.augment.redshift_shift:
            for name, config in self.inputs.items():
                if isinstance(config, SpectrumInput) and config.align == "first_pixel":
                    raise ValueError(
                        f"training.augment.redshift_shift does nothing to the input {name}: a "
                        "spectrum cut from its own first pixel moves along; use align = grid"
                    )
        return self

    def resolved(self) -> tuple["Recipe", Task]:
        """The recipe with labels or targets and table features spelled out, and its task.

        Raises:
            ConfigError: If task, labels, targets or feature set do not exist.
        """
        task = cast(Task, registry.get("task", self.task).build()).only(self.targets)
        source = self.labels
        if source != "default" or task.classes:
            task.label_map(source)
            source = next(iter(task.labels)) if source == "default" else source
        inputs = {name: _with_features(config, task) for name, config in self.inputs.items()}
        targets = tuple(task.targets)
        return self.replace(labels=source, targets=targets, inputs=inputs), task

    def leaky_inputs(self) -> tuple[str, ...]:
        """Names of the inputs whose features are made from the label, or nearly."""
        recipe, task = self.resolved()
        return tuple(
            name
            for name, config in recipe.inputs.items()
            if isinstance(config, TableInput)
            and stored_features(config.features) & task.leaky_features()
        )

    def hash(self) -> str:
        """SHA-256 of the recipe."""
        return hashlib.sha256(self.toml().encode()).hexdigest()

    def toml(self) -> str:
        """The recipe as TOML; `from_toml` gives it back."""
        return tomli_w.dumps(self.model_dump(mode="json"))

    @staticmethod
    def from_toml(text: str) -> "Recipe":
        """Reads a recipe.

        Raises:
            ConfigError: If it is not TOML, or a field does not exist or fit.
        """
        try:
            values = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigError(f"the recipe is not TOML: {error}") from None
        registry.load("model")
        return parse(Recipe, values)

    def edited(self, changes: Sequence[str]) -> "Recipe":
        """The recipe with fields changed by `a.b=value` lines, values as in TOML.

        Raises:
            ConfigError: If a path does not exist or a value does not fit.
        """
        values = self.model_dump(mode="json")
        for change in changes:
            path, sign, text = change.partition("=")
            if not sign:
                raise ConfigError(f"--set {change!r}: expected FIELD=VALUE")
            _set(values, path.strip().split("."), _value(text.strip()), change)
        return parse(Recipe, values)


def _with_features(config: InputConfig, task: Task) -> InputConfig:
    if isinstance(config, TableInput) and not config.features:
        return config.replace(features=task.features(config.feature_set).features)
    return config


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _set(values: dict[str, Any], path: Sequence[str], value: Any, change: str) -> None:
    *parents, last = path
    place: Any = values
    for name in parents:
        place = place.get(name) if isinstance(place, dict) else None
    if not isinstance(place, dict) or last not in place:
        known = ", ".join(place) if isinstance(place, dict) else "nothing"
        raise ConfigError(f"--set {change!r}: no such field; known there: {known}")
    place[last] = value
