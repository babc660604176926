"""What a model must know before it can be built: shapes that come in, what goes out."""

from trifid.config import Config


class Signature(Config):
    """Shapes of the transformed inputs per row, and the classes or targets in their order.

    Attributes:
        inputs: Input name to shape: image (C, H, W), spectrum (L,), table (F,), series (T,).
        classes: Class names; their order is the order of the logits. Empty for a regression.
        targets: Names of the numbers to predict, in the order of `Output.mean`; empty for classes.
    """

    inputs: dict[str, tuple[int, ...]]
    classes: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def outputs(self) -> int:
        """K: the number of classes or targets."""
        return len(self.classes) or len(self.targets)
