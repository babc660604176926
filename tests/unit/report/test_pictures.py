import base64
import io

import numpy as np
import pytest
from PIL import Image

from trifid.report import pictures


@pytest.mark.parametrize(
    ("bands", "shown"),
    [
        ("ugriz", ("i", "r", "g")),
        ("ugr", ("r", "g", "u")),
        ("grz", ("z", "r", "g")),
        ("abcd", ("a", "b", "c")),
        ("rg", ("r",)),
    ],
)
def test_bands_run_from_red_to_blue(bands: str, shown: tuple[str, ...]) -> None:
    assert pictures.choose_bands(tuple(bands)) == shown


def test_a_red_object_is_red_and_north_is_up() -> None:
    flux = np.zeros((3, 16, 16), np.float32)
    flux[2, 12:, 8] = 5.0  # the band i, high rows
    flux[0, 12:, 8] = 0.5
    picture = pictures.colour(flux, ("g", "r", "i"), ("i", "r", "g"))
    assert picture.shape == (16, 16, 3)
    red, green, blue = picture[0, 8]
    assert red > blue > green == 0
    assert not picture[8:].any()


def test_the_stretch_keeps_the_order_of_brightness() -> None:
    flux = np.zeros((1, 9, 9))
    flux[0, 0] = np.geomspace(0.1, 100, 9)
    row = pictures.colour(flux, ("r",), ("r",))[-1, :, 0].astype(int)
    assert (np.diff(row) > 0).all()
    assert row[-1] > 200


def test_an_empty_image_is_black() -> None:
    assert not pictures.colour(np.zeros((3, 8, 8)), ("g", "r", "i"), ("i", "r", "g")).any()


def test_a_data_uri_holds_the_pixels() -> None:
    pixels = np.arange(75, dtype=np.uint8).reshape(5, 5, 3)
    kind, _, text = pictures.data_uri(pixels).partition(",")
    assert kind == "data:image/png;base64"
    with Image.open(io.BytesIO(base64.b64decode(text))) as image:
        assert (np.asarray(image) == pixels).all()
