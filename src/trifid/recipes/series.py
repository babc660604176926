"""Recipes for series3, the toy task of light curves: a BiGRU and a Transformer.

Nothing is known of these light curves but their shapes, so settings are plain: no mixup (the sum
of two light curves is a third one), balanced sampling, the default budget.
"""

from trifid.models.base import ModelConfig
from trifid.models.recurrent import bigru_series, sequence_transformer_series
from trifid.registry import register
from trifid.training.recipe import Recipe, TrainingConfig
from trifid.transforms.pipeline import SeriesInput


@register("recipe")
def series3() -> Recipe:
    """A BiGRU over light curves."""
    return _recipe("series3", bigru_series())


@register("recipe")
def series3_transformer() -> Recipe:
    """A Transformer over light curves."""
    return _recipe("series3_transformer", sequence_transformer_series())


def _recipe(name: str, model: ModelConfig) -> Recipe:
    return Recipe(
        name=name,
        task="series3",
        inputs={"series": SeriesInput()},
        model=model,
        training=TrainingConfig(epochs=40, schedule="cosine", warmup=1, mixup=0.0),
    )
