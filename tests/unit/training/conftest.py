"""Training that is stopped and goes on."""

import pytest

from trifid.training import loop
from trifid.training.run import train


@pytest.fixture
def stopped(store_folder, tmp_path, monkeypatch):
    """Trains a recipe until it is interrupted after some steps, each of which is a checkpoint."""

    def stop(recipe, stop_at):
        steps, real = 0, loop.Trainer._step

        def stopping(self, raw):
            nonlocal steps
            steps += 1
            if steps > stop_at:
                raise KeyboardInterrupt
            return real(self, raw)

        with monkeypatch.context() as patch:
            patch.setattr(loop, "CHECKPOINT_SECONDS", 0.0)
            patch.setattr(loop.Trainer, "_step", stopping)
            with pytest.raises(KeyboardInterrupt):
                train(recipe, store_folder, tmp_path / "run")
        return tmp_path / "run"

    return stop
