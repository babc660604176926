"""Light curves: time from the first point, flux around its median, one scale for all."""

import torch

from trifid.schema.batch import Batch, Series
from trifid.schema.modality import SeriesSpec
from trifid.transforms.pipeline import Pipeline, SeriesInput
from trifid.transforms.series import centre, since_first, typical

VALID = torch.tensor([[True, False, True, True]])


def test_time_begins_with_the_first_valid_point():
    time = torch.tensor([[5.0, 1.0, 7.0, 9.0]])
    assert since_first(time, VALID).tolist() == [[0.0, 0.0, 2.0, 4.0]]
    assert since_first(time, ~VALID & False).tolist() == [[0.0] * 4]


def test_flux_is_taken_around_the_median_of_its_band():
    flux, band = torch.tensor([[5.0, 99.0, 1.0, 3.0]]), torch.tensor([[0, 0, 1, 1]])
    assert centre(flux, band, VALID, 2).tolist() == [[0.0, 0.0, 0.0, 2.0]]


def test_the_typical_size():
    x = torch.tensor([[1.0, -3.0, 2.0], [10.0, 0.0, 0.0], [0.0, 0.0, 0.0]])
    valid = torch.tensor([[True, True, True], [True, False, False], [False] * 3])
    assert typical(x, valid) == 2.0
    assert typical(x[2:], valid[2:]) == 1.0


def test_a_pipeline_scales_light_curves_and_survives_rows_without_points():
    torch.manual_seed(0)
    rows, points = 20, 8
    time = 100 + 50 * torch.rand(rows, points, dtype=torch.float64).sort(dim=1).values
    series = Series(
        time=time,
        flux=50 + 4 * torch.randn(rows, points),
        error=torch.full((rows, points), 2.0),
        band=torch.randint(0, 2, (rows, points)).short(),
        valid=torch.rand(rows, points) > 0.3,
        present=torch.arange(rows) > 0,
    )
    ids = tuple(map(str, range(rows)))
    spec = SeriesSpec(bands=("g", "r"), length=points)
    pipeline = Pipeline({"series": SeriesInput()}, {"series": spec})
    raw = Batch(ids=ids, inputs={"series": series})
    pipeline.fit("series", raw)
    found = pipeline(raw).inputs["series"]
    assert pipeline.shapes == {"series": (points,)}
    assert found.flux.isfinite().all() and found.flux.dtype == torch.float32
    assert not found.present[0] and not found.flux[~found.valid].any()
    assert 0 < float(found.time.max()) < 9 and float(found.flux.abs().max()) < 5
    empty = Batch(ids=ids, inputs={"series": series.absent()})
    pipeline.fit("series", empty)
    assert pipeline(empty).inputs["series"].flux.isfinite().all()
