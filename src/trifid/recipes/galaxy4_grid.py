"""The baselines of galaxy4 by name, and the grid of ablations.

Every recipe here is `galaxy4` with one thing changed: the same split, budget, sampling and
augmentation, so that differences are those of the models and inputs. The networks of other papers
are therefore not trained as their papers did.

`grid()` gives what the ablation study needs: every set of inputs (safe and leaky table, alone and
together) in three frames and two splits; the default without each of its parts; image scalings,
crops and tokens; the methods of fusion and the baselines; each with five seeds. The rows in the
rest frame by a predicted redshift need the column `redshift_predicted` in the store.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations

from trifid.encoders.conv_image import ConvImageConfig
from trifid.encoders.conv_spectrum import ConvSpectrumConfig
from trifid.encoders.mlp_table import MlpTableConfig
from trifid.fusion.self_attention import SelfAttentionFusionConfig
from trifid.heads.classification import LinearHeadConfig
from trifid.models import autoencoder as autoencoders
from trifid.models import fusion_levels as levels
from trifid.models import galspecnet as galspecnets
from trifid.models import gasnet2 as gasnets
from trifid.models import istl as istls
from trifid.models import recurrent as sequences
from trifid.models import transformer_fusion as transformers
from trifid.models.base import ModelConfig
from trifid.models.gcsnet import gcsnet_fixed
from trifid.recipes.galaxy4 import IMAGE, SPECTRUM, TABLE, galaxy4, galaxy4_branches
from trifid.registry import register
from trifid.training.recipe import Recipe, SplitConfig
from trifid.transforms.pipeline import InputConfig

SEEDS = (42, 100, 3407, 7, 2026)  # the first three are GCSNet's
PREDICTED = "redshift_predicted"
_FRAMES = {
    "observed": SPECTRUM,
    "rest": SPECTRUM.replace(frame="rest", length=1600),
    "rest_predicted": SPECTRUM.replace(frame="rest", length=1600, redshift_column=PREDICTED),
}
_PARTS: dict[str, tuple[str, InputConfig]] = {
    "image": ("image", IMAGE),
    "spectrum": ("spectrum", SPECTRUM),
    "table_safe": ("table", TABLE),
    "table_leaky": ("table", TABLE.replace(feature_set="paper")),
}


def _baseline(name: str, model: ModelConfig, *inputs: str) -> Recipe:
    """A model on some of the default's inputs, by default all."""
    base = galaxy4()
    chosen = {key: base.inputs[key] for key in inputs or tuple(base.inputs)}
    dropout = base.training.modality_dropout if len(chosen) > 1 else 0.0
    return base.replace(
        name=f"galaxy4_{name}",
        model=model,
        inputs=chosen,
        training=base.training.replace(modality_dropout=dropout),
    )


@register("recipe", paper=gasnets.PAPER)
def galaxy4_gasnet2() -> Recipe:
    """GaSNet-II on the spectrum."""
    found = _baseline("gasnet2", gasnets.gasnet2(), "spectrum")
    return found.replace(inputs={"spectrum": SPECTRUM.replace(norm="mean")})


@register("recipe", paper=galspecnets.PAPER)
def galaxy4_galspecnet() -> Recipe:
    """GalSpecNet on the spectrum."""
    return _baseline("galspecnet", galspecnets.galspecnet(), "spectrum")


@register("recipe", paper=istls.PAPER)
def galaxy4_istl() -> Recipe:
    """ISTL on the spectrum."""
    return _baseline("istl", istls.istl(), "spectrum")


@register("recipe", paper=istls.PAPER)
def galaxy4_mb_istl() -> Recipe:
    """MB-ISTL on image and spectrum."""
    return _baseline("mb_istl", istls.mb_istl(), "image", "spectrum")


@register("recipe", paper=istls.PAPER)
def galaxy4_mb_istl_gan() -> Recipe:
    """MB-ISTL on image and spectrum, whose image imagines a missing spectrum."""
    return _baseline("mb_istl_gan", istls.mb_istl_gan(), "image", "spectrum")


@register("recipe", paper=transformers.PAPER)
def galaxy4_transformer_fusion() -> Recipe:
    """TransformerFusion on image and spectrum."""
    return _baseline("transformer_fusion", transformers.transformer_fusion(), "image", "spectrum")


@register("recipe")
def galaxy4_autoencoder() -> Recipe:
    """Classes and anomaly scores from autoencoders' codes."""
    return _baseline("autoencoder", autoencoders.autoencoder())


@register("recipe")
def galaxy4_bigru() -> Recipe:
    """A BiGRU over chunks of the spectrum."""
    return _baseline("bigru", sequences.bigru(), "spectrum")


@register("recipe")
def galaxy4_transformer() -> Recipe:
    """A Transformer over patches of the spectrum."""
    return _baseline("transformer", sequences.sequence_transformer(), "spectrum")


@register("recipe")
def galaxy4_fusion_data() -> Recipe:
    """Fusion at the level of data."""
    return _baseline("fusion_data", levels.fusion_data())


@register("recipe")
def galaxy4_fusion_feature() -> Recipe:
    """Fusion at the level of features, gated."""
    return _baseline("fusion_feature", levels.fusion_feature())


@register("recipe")
def galaxy4_fusion_decision() -> Recipe:
    """Fusion at the level of decisions, weighted."""
    return _baseline("fusion_decision", levels.fusion_decision())


@register("recipe")
def galaxy4_fusion_hybrid() -> Recipe:
    """Fusion of features and decisions by a learned gate."""
    return _baseline("fusion_hybrid", levels.fusion_hybrid())


BASELINES = (
    galaxy4_gasnet2,
    galaxy4_galspecnet,
    galaxy4_istl,
    galaxy4_mb_istl,
    galaxy4_mb_istl_gan,
    galaxy4_transformer_fusion,
    galaxy4_autoencoder,
    galaxy4_bigru,
    galaxy4_transformer,
    galaxy4_fusion_data,
    galaxy4_fusion_feature,
    galaxy4_fusion_decision,
    galaxy4_fusion_hybrid,
    galaxy4_branches,
)


def grid(seeds: Sequence[int] = SEEDS) -> list[tuple[str, Recipe]]:
    """Every row of the ablation study, name and recipe, once a seed.

    Names end with the seed and are names of folders; each recipe carries its own.
    """
    rows = [*_input_rows(), *_part_rows(), *_size_rows(), *_method_rows()]
    rows += [(build.__name__.removeprefix("galaxy4_"), build()) for build in BASELINES]
    named = [
        (f"{name}-seed{seed}", recipe.replace(training=recipe.training.replace(seed=seed)))
        for name, recipe in rows
        for seed in seeds
    ]
    return [(name, recipe.replace(name=name)) for name, recipe in named]


def input_sets() -> list[tuple[str, ...]]:
    """Each input alone, all pairs, and all; never both tables."""
    names = tuple(_PARTS)
    sets = [found for count in (1, 2, 3) for found in combinations(names, count)]
    return [found for found in sets if not {"table_safe", "table_leaky"} <= set(found)]


def _input_rows() -> Iterator[tuple[str, Recipe]]:
    """Sets of inputs x frames (where there is a spectrum) x splits."""
    for parts in input_sets():
        for frame, spectrum in _FRAMES.items():
            if frame != "observed" and "spectrum" not in parts:
                continue
            inputs = dict(_PARTS[part] for part in parts)
            if "spectrum" in inputs:
                inputs["spectrum"] = spectrum
            for split, by in (("random", "group"), ("plate", "plate")):
                base = _baseline("inputs", gcsnet_fixed(), *inputs)
                recipe = base.replace(inputs=inputs, split=SplitConfig.model_validate({"by": by}))
                yield f"{'+'.join(parts)}-{frame}-{split}", recipe


def _part_rows() -> Iterator[tuple[str, Recipe]]:
    """The default without each of the parts the paper claims."""
    base = galaxy4()
    model, training = gcsnet_fixed(), base.training
    plain_fusion = SelfAttentionFusionConfig(attention=False)
    yield "no_attention", base.replace(model=model.replace(fusion=plain_fusion))
    yield "no_skip", base.replace(model=model.replace(skip=False))
    yield "no_cosine", base.replace(model=model.replace(head=LinearHeadConfig()))
    yield "no_auxiliary", base.replace(model=model.replace(auxiliary="none"))
    yield "no_token_norm", base.replace(model=model.replace(token_norm=False))
    yield "modality_embedding", base.replace(model=model.replace(modality_embedding=True))
    yield "no_mixup", base.replace(training=training.replace(mixup=0.0))
    yield "no_sampler", base.replace(training=training.replace(sampling="shuffled"))
    yield "no_smoothing", base.replace(training=training.replace(label_smoothing=0.0))
    yield "no_modality_dropout", base.replace(training=training.replace(modality_dropout=0.0))


def _size_rows() -> Iterator[tuple[str, Recipe]]:
    """Scalings and crops of the image, tokens a modality; the default has asinh and 16."""
    base = galaxy4()
    for norm in ("per_image_zscore", "zscore"):
        yield f"image_{norm}", _with_image(base, norm=norm)
    for crop in (32, 64, 128):
        yield f"crop_{crop}", _with_image(base, crop=crop)
    for side in (1, 2):
        tokens = side**2
        model = gcsnet_fixed().replace(
            image=ConvImageConfig(grid=side),
            spectrum=ConvSpectrumConfig(tokens_out=tokens),
            table=MlpTableConfig(tokens_out=tokens, use_valid=True),
            fusion=SelfAttentionFusionConfig(tokens_out=tokens),
        )
        yield f"tokens_{tokens}", base.replace(model=model)


def _method_rows() -> Iterator[tuple[str, Recipe]]:
    """The other methods of feature- and decision-level fusion, on the same encoders."""
    for method in ("add", "concat", "bilinear", "attention"):
        yield f"feature_{method}", _baseline("x", levels.fusion_feature().replace(feature=method))
    for method in ("mean", "product"):
        model = levels.fusion_decision().replace(decision=method)
        yield f"decision_{method}", _baseline("x", model)


def _with_image(recipe: Recipe, **fields: object) -> Recipe:
    return recipe.replace(inputs={**recipe.inputs, "image": IMAGE.replace(**fields)})
