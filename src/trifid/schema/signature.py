"""What a model must know before it can be built: shapes that come in, classes that go out."""

from trifid.config import Config


class Signature(Config):
    """Shapes of the transformed inputs per row, and the classes in their order.

    Attributes:
        inputs: Input name to shape: image (C, H, W), spectrum (L,), table (F,).
        classes: Class names; their order is the order of the logits.
    """

    inputs: dict[str, tuple[int, ...]]
    classes: tuple[str, ...]
