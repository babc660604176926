"""What astropy wants to see in a Parquet file to give units and descriptions back."""

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa

_NAMES = {"double": "float64", "float": "float32"}


def astropy_header(schema: pa.Schema, longest: Mapping[str, int]) -> dict[str, str]:
    """Metadata that tells `astropy.table.Table.read` units and descriptions of flat columns.

    Args:
        schema: Its fields may have `unit` and `description` as metadata.
        longest: Letters of the longest text of each text column that holds no null; astropy
            (8.0) cannot read the others.
    """
    from astropy.table import Column, Table
    from astropy.table.meta import get_yaml_from_table

    empty: Any = Table()
    for field in schema:
        text = pa.types.is_string(field.type)
        kind: Any = np.str_ if text else np.dtype(_NAMES.get(str(field.type), str(field.type)))
        about = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        unit, told = about.get("unit") or None, about.get("description")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes on units that astropy does not know
            empty[field.name] = Column([], name=field.name, dtype=kind, unit=unit, description=told)
    lengths = {f"table::len::{name}": str(max(length, 1)) for name, length in longest.items()}
    return {"table_meta_yaml": "\n".join(get_yaml_from_table(empty)), **lengths}


def with_astropy_header(table: pa.Table) -> pa.Table:
    """A flat table with the metadata of `astropy_header`."""
    longest = {
        field.name: max((len(text) for text in table[field.name].to_pylist()), default=0)
        for field in table.schema
        if pa.types.is_string(field.type) and not table[field.name].null_count
    }
    header = astropy_header(table.schema, longest)
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **header})
