import re
from pathlib import Path

import numpy as np

from trifid import registry
from trifid.report.explore import explore_html
from trifid.store import Store


def test_the_page_shows_what_is_missing_far_out_and_by_class(whole_run: Path) -> None:
    store = Store.open(whole_run.parent / "store")
    task = registry.get("task", "galaxy4").build()
    finding = {"check": "plates", "verdict": "warn", "reason": "<b>40</b> plates"}
    page = explore_html(store, task, [finding])
    assert "<script" not in page and "&lt;b&gt;40&lt;/b&gt; plates" in page
    assert "simulated objects, seen for task galaxy4" in page and "no label" in page
    nulls = store.columns("bpt")["bpt"].null_count
    assert re.search(rf'<th scope="row">bpt</th><td>{nulls}</td>', page)
    there = store.present("image").mean()
    assert f"{100 * there:.0f}\u00a0%" in page and "modelmag_r" in page
    drawn = set(re.findall(r'id="distribution-\d-title">(\w+) by class', page))
    assert drawn == {"redshift", "sn_median", "modelmag_r", "petror50_r"}
    assert explore_html(store, task, [finding]) == page


def test_a_task_of_numbers_has_one_group_of_objects(whole_run: Path) -> None:
    store = Store.open(whole_run.parent / "store")
    page = explore_html(store, registry.get("task", "zsfr").build())
    labels = np.full(len(store), "all")
    assert f'<th scope="row">all</th><td>{len(labels)}</td>' in page.replace("\u202f", "")
    assert "Checks" not in page
