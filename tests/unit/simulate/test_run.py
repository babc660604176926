from pathlib import Path

import pytest

from trifid.errors import ConfigError, StoreError
from trifid.simulate import SIMULATED_TASKS, simulate
from trifid.store import Store


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_bytes_do_not_depend_on_workers(tmp_path: Path) -> None:
    simulate("galaxy4", 6, tmp_path / "one", seed=5, workers=1, size=16)
    simulate("galaxy4", 6, tmp_path / "two", seed=5, workers=2, size=16)
    assert _bytes(tmp_path / "one") == _bytes(tmp_path / "two")


def test_store_is_whole_and_says_that_it_is_simulated(tmp_path: Path) -> None:
    simulate("galaxy4", 5, tmp_path / "sky", size=16)
    store = Store.open(tmp_path / "sky", full=True)
    assert len(store) == 5
    assert store.manifest.provenance["simulated"] == "true"
    assert len(store.manifest.shards) == 5
    taken = store.take([3, 0], ["image", "spectrum", "table"])
    assert taken["image"]["flux"].shape == (2, 5, 16, 16)
    with pytest.raises(StoreError, match="finished store"):
        simulate("galaxy4", 5, tmp_path / "sky", size=16)


def test_seeds_differ(tmp_path: Path) -> None:
    for seed in (1, 2):
        simulate("galaxy4", 3, tmp_path / str(seed), seed=seed, size=16)
    first, second = (Store.open(tmp_path / str(seed)) for seed in (1, 2))
    assert first.hash() != second.hash()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "galaxy5"}, "known: bhb2, galaxy4"),
        ({"objects": 0}, "objects is 0"),
        ({"seed": -1}, "seed is -1"),
        ({"workers": 0}, "workers is 0"),
        ({"size": 4}, "size is 4"),
    ],
)
def test_wrong_options_are_named(tmp_path: Path, changes: dict, message: str) -> None:
    values = {"task": "galaxy4", "objects": 5, "seed": 1, "workers": 1, "size": 16} | changes
    task, objects = values.pop("task"), values.pop("objects")
    with pytest.raises(ConfigError, match=message):
        simulate(task, objects, tmp_path / "sky", **values)
    assert not (tmp_path / "sky").exists()


def test_tasks_are_listed() -> None:
    assert sorted(SIMULATED_TASKS) == ["bhb2", "galaxy4", "sgq3", "zsfr"]


def test_modules_with_unverified_constants_are_listed() -> None:
    root = Path(__file__).resolve().parents[3]
    text = (root / "docs" / "science" / "simulated_sky.md").read_text()
    listed = text.split("## Unverified constants")[1].split("##")[0]
    for folder in ("simulate", "physics"):
        for path in (root / "src" / "trifid" / folder).glob("*.py"):
            words = path.read_text()
            if "unverified" in words or "[R]" in words:
                assert path.stem in listed, path
