"""Mixup and modality dropout."""

import torch

from trifid.schema.batch import Batch, Spectrum, Table
from trifid.transforms.dropout import drop_modalities
from trifid.transforms.mixup import mix, pairs


def _batch(rows=40):
    torch.manual_seed(0)
    there = torch.rand(rows) > 0.4
    flux = torch.randn(rows, 6)
    return Batch(
        ids=tuple(map(str, range(rows))),
        inputs={
            "spectrum": Spectrum(flux, torch.ones(rows, 6), there),
            "table": Table(
                torch.randn(rows, 3), torch.rand(rows, 3) > 0.2, torch.ones(rows).bool()
            ),
        },
        targets={"class": torch.eye(4)[torch.randint(4, (rows,))]},
    )


def test_partners_have_the_same_modalities_and_each_is_used_once():
    batch = _batch()
    partner = pairs(batch.present)
    assert torch.equal(batch.present[partner], batch.present)
    assert sorted(partner.tolist()) == list(range(len(batch)))


def test_one_share_for_every_modality_and_target():
    batch = _batch()
    partner = pairs(batch.present)
    mixed = mix(batch, 0.3, partner)
    flux, values = batch.inputs["spectrum"].flux, batch.inputs["table"].values
    torch.testing.assert_close(mixed.inputs["spectrum"].flux, 0.3 * flux + 0.7 * flux[partner])
    torch.testing.assert_close(mixed.inputs["table"].values, 0.3 * values + 0.7 * values[partner])
    target = batch.targets["class"]
    torch.testing.assert_close(mixed.targets["class"], 0.3 * target + 0.7 * target[partner])
    valid = batch.inputs["table"].valid
    assert torch.equal(mixed.inputs["table"].valid, valid & valid[partner])


def test_share_one_is_identity():
    batch = _batch()
    mixed = mix(batch, 1.0, pairs(batch.present))
    assert torch.equal(mixed.inputs["spectrum"].flux, batch.inputs["spectrum"].flux)
    assert torch.equal(mixed.targets["class"], batch.targets["class"])


def test_dropout_takes_modalities_but_never_the_last_one():
    batch = _batch(2000)
    dropped = drop_modalities(batch, 0.5)
    before, after = batch.present, dropped.present
    assert not (after & ~before).any()
    assert after.any(dim=1).equal(before.any(dim=1))
    both = before.all(dim=1)
    assert abs(float(after[both].all(dim=1).float().mean()) - 0.25) < 0.04
    assert (dropped.inputs["spectrum"].flux[~after[:, 0]] == 0).all()
    assert drop_modalities(batch, 0.0) is batch
