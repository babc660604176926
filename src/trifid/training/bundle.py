"""A bundle: a model one can ship. JSON and safetensors with hashes; nothing in it can run code.

bundle.json          card: recipe, classes, modalities, temperature, provenance, hashes
model.safetensors    weights of a network, or model.skops: a fitted classical model
state.safetensors    fitted transforms, as "input.name"
model_card.md        the same for people, with the numbers of its run; read by nothing
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast

import torch
from pydantic import Field
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from trifid import registry
from trifid.config import Config, parse
from trifid.data.loader import absent_input
from trifid.data.task import Task
from trifid.errors import BundleError, ConfigError, TrifidError
from trifid.files import sha256_file, write_json, written_whole
from trifid.models.base import Estimator, ModelConfig
from trifid.models.card import meta_batch
from trifid.schema.batch import Batch
from trifid.schema.modality import ModalitySpec
from trifid.schema.signature import Signature
from trifid.training.checkpoint import save_tensors
from trifid.training.model_card import write_model_card
from trifid.training.recipe import Recipe
from trifid.training.scale import TargetScale
from trifid.transforms.pipeline import Pipeline, redshift_columns

CARD, STATE = "bundle.json", "state.safetensors"
MODEL, ESTIMATOR = "model.safetensors", "model.skops"
CARD_BYTES = 4 * 2**20
FILE_BYTES = 16 * 2**30
CONSTANT_BYTES = 2**30


class BundleCard(Config):
    """What `bundle.json` says.

    Attributes:
        format: Always `trifid-bundle`.
        version: Of the format.
        recipe: With labels and table features spelled out.
        task: The task itself, so that later changes of the library do not change the bundle.
        modalities: The stored modalities the inputs are made from: bands, units, grid, features.
        temperature: The logits are divided by it.
        scales: Of the numbers it predicts, in the order of the means; empty for classes.
        best_epoch: Whose weights these are.
        files: File name to SHA-256.
        provenance: Hashes of store, split and training ids, versions, whether data are simulated.
    """

    format: Literal["trifid-bundle"] = "trifid-bundle"
    version: Literal[1] = 1
    recipe: Recipe
    task: Task
    modalities: dict[str, ModalitySpec]
    temperature: float = Field(gt=0, allow_inf_nan=False)
    scales: dict[str, TargetScale] = Field(default_factory=dict)
    best_epoch: int
    files: dict[str, str]
    provenance: dict[str, str]


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle, ready to use on the CPU."""

    card: BundleCard
    model: nn.Module | Estimator
    pipeline: Pipeline
    hash: str

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names in the order of the logits; none for numbers."""
        return self.card.task.classes

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the numbers in the order of the means; none for classes."""
        return tuple(self.card.task.targets)

    @property
    def network(self) -> nn.Module:
        """The model, where gradients or layers of a network are wanted.

        Raises:
            ConfigError: If it is a classical model.
        """
        if isinstance(self.model, nn.Module):
            return self.model
        kind = self.card.recipe.model.model_dump().get("kind")
        raise ConfigError(f"model {kind!r} is no network: it has no layers and no gradients")


def build_model(recipe: Recipe, pipeline: Pipeline, task: Task) -> nn.Module | Estimator:
    """The recipe's model for what the pipeline gives; weights depend on the seed alone."""
    signature = signature_of(pipeline, task)
    try:
        with torch.device("meta"):  # a first pass without content finds shapes that do not fit
            trial = recipe.model.build(signature)
            if isinstance(trial, nn.Module):
                trial.eval()(meta_batch(signature, rows=2))
    except (RuntimeError, ValueError) as error:
        raise ConfigError(
            f"model {recipe.model.model_dump().get('kind')!r} does not fit inputs "
            f"{pipeline.shapes}: {str(error).splitlines()[0][:160]}"
        ) from None
    torch.manual_seed(recipe.training.seed)
    return recipe.model.build(signature)


def signature_of(pipeline: Pipeline, task: Task) -> Signature:
    """What a model of this task gets from this pipeline, and what it has to answer."""
    return Signature(inputs=pipeline.shapes, classes=task.classes, targets=tuple(task.targets))


def save_bundle(
    folder: Path,
    *,
    recipe: Recipe,
    task: Task,
    pipeline: Pipeline,
    modalities: Mapping[str, ModalitySpec],
    model: nn.Module | Estimator,
    weights: Mapping[str, Tensor],
    temperature: float,
    scales: Mapping[str, TargetScale],
    best_epoch: int,
    provenance: Mapping[str, str],
) -> None:
    """Writes a bundle; its card comes last, so that a bundle with a card is whole.

    `weights` are those of a network; a classical `model` writes its own file.
    """
    folder.mkdir(parents=True, exist_ok=True)
    name = MODEL if isinstance(model, nn.Module) else ESTIMATOR
    if isinstance(model, nn.Module):
        save_tensors(folder / MODEL, weights)
    else:
        with written_whole(folder / ESTIMATOR) as temporary:
            model.save(temporary)
    save_tensors(folder / STATE, _flat(pipeline))
    card = BundleCard(
        recipe=recipe,
        task=task,
        modalities=dict(modalities),
        temperature=temperature,
        scales=dict(scales),
        best_epoch=best_epoch,
        files={name: sha256_file(folder / name) for name in (name, STATE)},
        provenance=dict(provenance),
    )
    write_model_card(folder, card)
    write_json(folder / CARD, card.model_dump(mode="json"))


def load_bundle(folder: Path) -> Bundle:
    """Reads a bundle after checking it against its card.

    Raises:
        BundleError: If a file is missing, too large or altered, or its tensors are not those the
            recipe asks for.
    """
    card, digest = _read_card(folder)
    model_file = ESTIMATOR if ESTIMATOR in card.files else MODEL
    for name in (model_file, STATE):
        path = folder / name
        if not path.is_file():
            raise BundleError(f"{path} is missing: the bundle is not whole")
        if path.stat().st_size > FILE_BYTES:
            raise BundleError(f"{path} is larger than {FILE_BYTES} bytes")
        if (got := sha256_file(path)) != card.files.get(name):
            raise BundleError(f"{path} was altered: SHA-256 {got[:12]}..., the card has another")
    try:
        pipeline = Pipeline(card.recipe.inputs, card.modalities)
        with torch.device("meta"):  # shapes only: a hostile recipe cannot fill the memory
            model = card.recipe.model.build(signature_of(pipeline, card.task))
    except (TrifidError, ValueError, RuntimeError) as error:
        raise BundleError(f"{folder / CARD}: the recipe builds no model: {error}") from None
    if isinstance(model, nn.Module) != (model_file == MODEL):
        raise BundleError(f"{folder}: {model_file} is not what a model of this kind is kept in")
    if list(card.scales) != list(card.task.targets):
        raise BundleError(
            f"{folder / CARD}: scales of {list(card.scales)}, expected {list(card.task.targets)}"
        )
    if isinstance(model, nn.Module):
        weights = _tensors(folder / MODEL)
        _same_tensors(folder / MODEL, weights, model.state_dict())
        model.load_state_dict(weights, assign=True)
        add_constants(model, card.recipe.model, signature_of(pipeline, card.task))
        model.eval()
    else:
        model.load(folder / ESTIMATOR)
    _fit_on_nothing(pipeline, card)
    states = _tensors(folder / STATE)
    _same_tensors(folder / STATE, states, _flat(pipeline))
    for name, state in pipeline.states.items():
        state.update({key: states[f"{name}.{key}"] for key in state})
    return Bundle(card, model, pipeline, digest)


def add_constants(model: nn.Module, config: ModelConfig, signature: Signature) -> None:
    """Computes the buffers that follow from the recipe and are in no file, such as fixed masks.

    Raises:
        BundleError: If they would fill the memory.
    """
    constants = {name: buffer for name, buffer in model.named_buffers() if buffer.is_meta}
    size = sum(buffer.nbytes for buffer in constants.values())
    if size > CONSTANT_BYTES:
        raise BundleError(
            f"the recipe asks for {size} bytes of constants; expected at most {CONSTANT_BYTES}: "
            "take fewer samples or a shorter spectrum"
        )
    if not constants:
        return
    with torch.random.fork_rng(devices=[]):  # loading draws nothing
        whole = cast(nn.Module, config.build(signature))
    for name in constants:
        owner, _, key = name.rpartition(".")
        part = model.get_submodule(owner)
        part.register_buffer(key, whole.get_buffer(name), persistent=False)


def _fit_on_nothing(pipeline: Pipeline, card: BundleCard) -> None:
    """Gives the pipeline states of the right names and shapes."""
    for name, config in pipeline.inputs.items():
        raw = Batch(
            ids=("", ""),
            inputs={config.modality: absent_input(card.modalities[config.modality], 2)},
            context={c: torch.zeros(2).double() for c in redshift_columns(pipeline.inputs)},
        )
        pipeline.fit(name, raw)


def _flat(pipeline: Pipeline) -> dict[str, Tensor]:
    return {f"{n}.{k}": v for n, state in pipeline.states.items() for k, v in state.items()}


def _read_card(folder: Path) -> tuple[BundleCard, str]:
    path = folder / CARD
    if not path.is_file():
        raise BundleError(f"{folder} holds no {CARD}: it is no bundle, or training has not ended")
    if path.stat().st_size > CARD_BYTES:
        raise BundleError(f"{path} is larger than {CARD_BYTES} bytes")
    content = path.read_bytes()
    registry.load("model")
    try:
        card = parse(BundleCard, json.loads(content))
    except (TrifidError, ValueError, RecursionError) as error:
        raise BundleError(f"{path}: {str(error)[:400]}") from None
    return card, hashlib.sha256(content).hexdigest()


def _tensors(path: Path) -> dict[str, Tensor]:
    try:
        return load_file(path)
    except (SafetensorError, OSError) as error:
        raise BundleError(f"{path} is no safetensors file: {str(error)[:200]}") from None


def _same_tensors(path: Path, got: Mapping[str, Tensor], wanted: Mapping[str, Tensor]) -> None:
    if set(got) != set(wanted):
        missing, unknown = sorted(set(wanted) - set(got)), sorted(set(got) - set(wanted))
        raise BundleError(f"{path}: tensors missing {missing[:3]}, unknown {unknown[:3]}")
    for name, value in got.items():
        expected = wanted[name]
        if value.shape != expected.shape or value.dtype != expected.dtype:
            raise BundleError(
                f"{path}: {name} is {value.dtype} {tuple(value.shape)}, "
                f"the recipe asks for {expected.dtype} {tuple(expected.shape)}"
            )
