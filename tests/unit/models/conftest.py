"""Small batches with signal in every modality, some of it missing."""

import pytest
import torch

from trifid.schema.batch import Batch, Image, Spectrum, Table


@pytest.fixture(scope="session")
def make_batch():
    """A function that makes a batch of three classes and two numbers."""

    def make(rows=240, seed=0, behind=0.0):
        draw = torch.Generator().manual_seed(seed)
        label = torch.arange(rows) % 3
        cells = torch.randn(rows, 6, generator=draw)
        cells[:, 0] += 3 * label
        valid = torch.rand(rows, 6, generator=draw) > 0.1
        flux = torch.randn(rows, 40, generator=draw)
        flux[:, 5:9] += label[:, None]
        image = torch.randn(rows, 2, 9, 9, generator=draw)
        present = torch.rand(rows, generator=draw) > 0.2
        everywhere = torch.ones(rows, dtype=torch.bool)
        targets = {"label": label, "redshift": cells[:, 0] / 3, "sfr": flux[:, 5:9].mean(1)}
        cells = torch.where(valid, cells, torch.full_like(cells, behind))
        flux = torch.where(present[:, None], flux, torch.full_like(flux, behind))
        return Batch(
            ids=tuple(map(str, range(rows))),
            inputs={
                "image": Image(image, everywhere),
                "spectrum": Spectrum(flux, torch.ones_like(flux), present),
                "table": Table(cells, valid, everywhere),
            },
            targets=targets,
        )

    return make
