"""What astropy wants to see in a Parquet file to give units and descriptions back."""

import warnings
from typing import Any

import numpy as np
import pyarrow as pa

_NAMES = {"double": "float64", "float": "float32"}


def with_astropy_header(table: pa.Table) -> pa.Table:
    """A flat table whose metadata tells `astropy.table.Table.read` units and descriptions.

    Text columns that hold nulls are left as they are: astropy (8.0) cannot read these.

    Args:
        table: Its fields may have `unit` and `description` as metadata.
    """
    from astropy.table import Column, Table
    from astropy.table.meta import get_yaml_from_table

    empty: Any = Table()
    lengths: dict[str, str] = {}
    for field in table.schema:
        text = pa.types.is_string(field.type)
        kind: Any = np.str_ if text else np.dtype(_NAMES.get(str(field.type), str(field.type)))
        about = {k.decode(): v.decode() for k, v in (field.metadata or {}).items()}
        unit, told = about.get("unit") or None, about.get("description")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # notes on units that astropy does not know
            empty[field.name] = Column([], name=field.name, dtype=kind, unit=unit, description=told)
        if text and not table[field.name].null_count:
            longest = max((len(value) for value in table[field.name].to_pylist()), default=0)
            lengths[f"table::len::{field.name}"] = str(max(longest, 1))
    header = {"table_meta_yaml": "\n".join(get_yaml_from_table(empty))}
    return table.replace_schema_metadata({**(table.schema.metadata or {}), **header, **lengths})
