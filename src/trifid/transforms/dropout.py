"""Modality dropout: rows lose modalities in training, so that a model learns to do without."""

import torch

from trifid.schema.batch import Batch


def drop_modalities(batch: Batch, probability: float) -> Batch:
    """Each row loses each modality with this probability, but never its last one.

    Randomness comes from torch's generator, which training seeds at every step.
    """
    if probability == 0:
        return batch
    present = batch.present  # (B, M)
    kept = present & (torch.rand(present.shape, device=present.device) >= probability)
    # a row that lost everything keeps one of its modalities, drawn evenly
    lottery = torch.rand(present.shape, device=present.device) * present
    saved = torch.nn.functional.one_hot(lottery.argmax(dim=1), present.shape[1]).bool() & present
    kept = torch.where(kept.any(dim=1, keepdim=True), kept, saved)
    inputs = {name: value.where(kept[:, i]) for i, (name, value) in enumerate(batch.inputs.items())}
    return batch.replace(inputs=inputs)
