"""trifid: images, spectra and catalogue rows of the same objects, fused into trusted answers."""

from typing import TYPE_CHECKING, Any

from trifid.version import __version__

__all__ = ["__version__", "predict"]

if TYPE_CHECKING:
    from trifid.inference.predict import predict


def __getattr__(name: str) -> Any:
    """Loads `predict` (and with it torch) only when it is used."""
    if name == "predict":
        from trifid.inference.predict import predict

        return predict
    raise AttributeError(f"module 'trifid' has no attribute {name!r}")
