"""HATS catalogues as others write them: pixels by astropy_healpix, columns of their own names."""

import json

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from astropy import units as u
from astropy_healpix import HEALPix

ORDERS = (3, 6, 10, 11)  # of the partitions, by face of the sky


def pixels(ra, dec, order):
    """Nested pixels by astropy_healpix."""
    return HEALPix(nside=2**order, order="nested").lonlat_to_healpix(ra * u.deg, dec * u.deg)


def partitions(ra, dec):
    """Order and number of the partition of each position."""
    order = np.array(ORDERS)[pixels(ra, dec, 0) % 4]
    number = np.zeros(ra.size, np.int64)
    for one in ORDERS:
        number[order == one] = pixels(ra[order == one], dec[order == one], one)
    return order, number


def write_hats(folder, table, form="hats", *, ra="meanra", dec="meandec", rows=50, common=True):
    """Writes a table as a catalogue: hats, folders, collection, unlisted or hipscat.

    Args:
        folder: Of the catalogue.
        table: With two columns of positions, which may be null in no row.
        form: Of the layout.
        ra, dec: Their names.
        rows: Of a row group.
        common: Whether the columns are written down for the whole.

    Returns:
        The file of each partition, by order and number.
    """
    home = folder / "inner" if form == "collection" else folder
    data = home if form == "hipscat" else home / "dataset"
    data.mkdir(parents=True)
    lon, lat = (table[name].to_numpy().astype(float) for name in (ra, dec))
    index = "_hipscat_index" if form == "hipscat" else "_healpix_29"
    table = table.append_column(index, pa.array(pixels(lon, lat, 29)))
    order, number = partitions(lon, lat)
    written = {}
    for one, pixel in sorted(set(zip(order.tolist(), number.tolist(), strict=True))):
        part = table.filter(pa.array((order == one) & (number == pixel))).sort_by(index)
        place = data / f"Norder={one}" / f"Dir={pixel // 10000 * 10000}"
        if form == "folders":
            place = place / f"Npix={pixel}"
            place.mkdir(parents=True)
            half = len(part) // 2
            pq.write_table(part.slice(0, half), place / "part0.snappy.parquet")
            written[one, pixel] = place / "part1.parquet"
            pq.write_table(part.slice(half), written[one, pixel])
            (place / "_SUCCESS").touch()
        else:
            place.mkdir(parents=True, exist_ok=True)
            written[one, pixel] = place / f"Npix={pixel}.parquet"
            pq.write_table(part, written[one, pixel], row_group_size=rows)
    if common:
        pq.write_metadata(table.schema, data / "_common_metadata")
    if form != "unlisted":
        lines = [f"{one},{pixel}" for one, pixel in written]
        (home / "partition_info.csv").write_text("\n".join(["Norder,Npix", *lines]) + "\n")
    if form == "hipscat":
        said = {"catalog_name": "x", "catalog_type": "object", "ra_column": ra, "dec_column": dec}
        (home / "catalog_info.json").write_text(json.dumps(said | {"epoch": "J2000"}))
        return written
    name = "properties" if form == "unlisted" else "hats.properties"
    suffix = "hats_npix_suffix=/\n" if form == "folders" else ""
    (home / name).write_text(
        f"#HATS catalog\nobs_collection=x\ndataproduct_type = object\n{suffix}"
        f"hats_col_ra={ra}\nhats_col_dec : {dec}\nhats_col_healpix={index}\nobs_ack=a\\=b\\:c\n"
    )
    if form == "collection":
        said = "obs_collection=x\nhats_primary_table_url=inner\n"
        (folder / "collection.properties").write_text(said)
    return written
