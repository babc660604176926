"""`trifid train` killed at random moments, then resumed to the same bytes."""

import random
import signal
import subprocess
import sys
import time

import pytest

# The command itself, with a checkpoint after every step.
SCRIPT = """
from trifid.cli.main import main
from trifid.training import loop

loop.CHECKPOINT_SECONDS = 0.0
main()
"""
STEPS = 12  # of the small recipe in three epochs


@pytest.fixture(scope="module")
def command(tmp_path_factory, store_folder, small_recipe):
    """A function: the command that trains into a folder."""
    folder = tmp_path_factory.mktemp("kill")
    recipe = folder / "recipe.toml"
    recipe.write_text(small_recipe.edited(["training.epochs=3"]).toml())
    script = folder / "script.py"
    script.write_text(SCRIPT)

    def train(out, *options):
        data = ["--data", str(store_folder), "--out", str(out)]
        return [sys.executable, str(script), "train", str(recipe), *data, *options]

    return train


@pytest.fixture(scope="module")
def whole(command, tmp_path_factory):
    """A run nobody disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    done = subprocess.run(command(out), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return out


def steps_done(out):
    return max((int(p.name[5:]) for p in (out / "checkpoints").glob("step-*")), default=0)


def kill_when(command, ready, pause):
    """Starts the command and kills it `pause` seconds after `ready`; whether it was still alive."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while process.poll() is None and not ready():
        assert time.monotonic() < deadline, "the training makes no steps"
        time.sleep(0.001)
    time.sleep(pause)
    process.send_signal(signal.SIGKILL)
    return process.wait() == -signal.SIGKILL


def kill_and_resume(command, out, seed):
    """Kills a run at seeded moments, in training and while it is judged, and lets it end."""
    rng = random.Random(seed)
    options: list[str] = []
    killed = 0
    for step in sorted(rng.sample(range(STEPS), 3)):
        pause = rng.uniform(0, 0.05)
        killed += kill_when(command(out, *options), lambda n=step: steps_done(out) >= n, pause)
        options = ["--resume"]
    card, pause = out / "bundle" / "bundle.json", rng.uniform(0, 0.3)
    killed += kill_when(command(out, *options), card.exists, pause)
    assert killed >= 3, "the kills came too late to test anything"
    done = subprocess.run(command(out, *options), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def names(run):
    return sorted(str(path.relative_to(run)) for path in run.rglob("*"))


def check_same(run, whole):
    assert names(run) == names(whole), "nothing is lost, nothing left behind"
    files = [*(whole / "bundle").iterdir(), *(whole / "checkpoints").rglob("*.safetensors")]
    files += [whole / "predictions.parquet", whole / "metrics.json", whole / "recipe.toml"]
    assert len(files) == 8
    for file in files:
        name = file.relative_to(whole)
        assert (run / name).read_bytes() == file.read_bytes(), name


def test_short_killed_at_random_moments_it_ends_with_the_same_bytes(command, whole, tmp_path):
    kill_and_resume(command, tmp_path / "run", seed=1)
    check_same(tmp_path / "run", whole)


@pytest.mark.parametrize("seed", [2, 3, 4])
def test_more_kills_end_with_the_same_bytes(command, whole, tmp_path, seed):
    kill_and_resume(command, tmp_path / "run", seed)
    check_same(tmp_path / "run", whole)


def test_short_killed_before_it_began_it_begins(command, whole, tmp_path):
    """A kill while run.json is written leaves a temporary file, which is no foreign file."""
    out = tmp_path / "run"
    out.mkdir()
    (out / ".run.json.123.tmp").write_text("{")
    done = subprocess.run(command(out), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    check_same(out, whole)
