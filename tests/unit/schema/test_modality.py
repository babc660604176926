"""What a store knows of a modality."""

import pytest
from pydantic import TypeAdapter

from trifid.config import parse
from trifid.errors import ConfigError
from trifid.schema.modality import (
    IDENTITY_COLUMNS,
    ImageSpec,
    ModalitySpec,
    PictureSpec,
    SeriesSpec,
    SpectrumSpec,
    StoreSchema,
    TableSpec,
)

SPECS = {
    "image": ImageSpec(bands=("g", "r"), height=4, width=6, pixel_scale=0.396),
    "image_rgb": PictureSpec(height=4, width=6),
    "spectrum": SpectrumSpec(),
    "table": TableSpec(features=("a", "b", "c"), units=("mag", "", "km/s")),
    "series": SeriesSpec(bands=("g",), length=9),
}


def test_fields_have_the_shapes_of_the_legend():
    fields = {name: spec.fields() for name, spec in SPECS.items()}
    assert fields["image"]["flux"][1] == (2, 4, 6)
    assert fields["image_rgb"]["pixels"] == ("u1", (4, 6, 3))
    assert {name: str(dtype) for name, (dtype, _) in fields["spectrum"].items()} == {
        "flux": "float32",
        "ivar": "float32",
        "mask": "int32",
    }
    assert fields["table"]["valid"][1] == (3,)
    assert set(fields["series"]) == {"time", "flux", "error", "band", "valid"}


@pytest.mark.parametrize("name", SPECS)
def test_json_gives_the_same_spec_back(name):
    adapter = TypeAdapter(ModalitySpec)
    assert adapter.validate_json(adapter.dump_json(SPECS[name])) == SPECS[name]


def test_a_schema_survives_json_and_refuses_what_it_does_not_know():
    schema = StoreSchema(modalities=SPECS, columns=IDENTITY_COLUMNS)
    assert StoreSchema.model_validate_json(schema.model_dump_json()) == schema
    values = schema.model_dump()
    values["modalities"]["image"]["kind"] = "hologram"
    with pytest.raises(ConfigError, match="hologram"):
        parse(StoreSchema, values)
    with pytest.raises(ConfigError, match="surprise"):
        parse(StoreSchema, schema.model_dump() | {"surprise": 1})
