"""trifid audit: what could flatter a result on a store, and what a paper's numbers imply."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def audit(
    subject: Annotated[str, typer.Argument(help="`data` or `papers`.")],
    what: Annotated[
        list[str] | None,
        typer.Argument(help="data: a store; papers: names or TOML files (all that are known)."),
    ] = None,
    task: Annotated[str, typer.Option(help="data: the task the store is meant for.")] = "",
    recipe: Annotated[
        str, typer.Option(help="data: check what this recipe uses, instead of all features.")
    ] = "",
    html: Annotated[
        Path | None, typer.Option(help="data: also write a page that shows the store to this file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Audit a store for leaks, or published tables for what their numbers imply.

    `trifid audit data STORE --task TASK` looks for leaks in splits, features and labels; `trifid
    audit papers [NAME or FILE.toml ...]` recomputes counts, intervals and tests from printed
    numbers. With `--html FILE` the store is also shown on a page: nulls, outliers, class
    balance, distributions by class.
    """
    from trifid.errors import ConfigError

    if subject not in ("data", "papers"):
        raise ConfigError(f"audit of {subject!r:.60}: choose `data STORE --task TASK` or `papers`")
    if html is not None and subject == "papers":
        raise ConfigError("audit papers writes no page: --html is for `audit data`")
    document = _papers(what or []) if subject == "papers" else _data(what or [], task, recipe)
    if html is not None:
        _write_page(html, document)
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
    elif subject == "papers":
        _print_papers(document)
    else:
        _print_data(document)


def _papers(names: list[str]) -> dict[str, Any]:
    from trifid.bench.audit_papers import audit_paper
    from trifid.bench.published import published, published_names, read_paper

    papers = [
        read_paper(Path(name)) if name.endswith(".toml") else published(name)
        for name in names or published_names()
    ]
    return {
        "papers": [
            {
                "paper": paper.paper,
                "title": paper.title,
                "reference": paper.reference,
                "note": paper.note,
                "tables": len(paper.tables),
                "findings": [finding.json() for finding in audit_paper(paper)],
            }
            for paper in papers
        ]
    }


def _data(what: list[str], task: str, name: str) -> dict[str, Any]:
    from trifid.cli.recipes import find_recipe
    from trifid.errors import ConfigError
    from trifid.evaluation.leakage.audit import audit_data, audit_store

    if len(what) != 1 or bool(task) == bool(name):
        raise ConfigError(
            f"audit data got {len(what)} stores; give one, and a task or a recipe: "
            "trifid audit data STORE --task TASK (or --recipe RECIPE)"
        )
    recipe = find_recipe(name or task)
    check = audit_store if name else audit_data
    findings = [finding.json() for finding in check(Path(what[0]), recipe)]
    return {"store": what[0], "task": recipe.task, "recipe": name or None, "findings": findings}


def _write_page(path: Path, document: dict[str, Any]) -> None:
    from trifid import registry
    from trifid.files import write_text
    from trifid.report.explore import explore_html
    from trifid.store.read import Store

    task = registry.get("task", document["task"]).build()
    store = Store.open(Path(document["store"]))
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, explore_html(store, task, document["findings"]))


def _print_papers(document: dict[str, Any]) -> None:
    from trifid.cli.tables import plain_console, printable

    console = plain_console()
    for paper in document["papers"]:
        console.print(printable(f"{paper['paper']}: {paper['title']} ({paper['reference']})"))
        if paper["note"]:
            console.print(printable(f"  {paper['note']}"), soft_wrap=True)
        for finding in paper["findings"]:
            place = f"table {finding['table']}" + (f", {finding['model']}" * bool(finding["model"]))
            line = f"  [{finding['check']}: {finding['verdict']}] {place}: {finding['text']}"
            console.print(printable(line), soft_wrap=True)
        console.print(f"  {len(paper['findings'])} findings in {paper['tables']} tables")


def _print_data(document: dict[str, Any]) -> None:
    from trifid.cli.tables import plain_console, print_table, printable

    console = plain_console()
    rows = [(f["check"], f["verdict"], f["reason"]) for f in document["findings"]]
    title = printable(f"{document['recipe'] or document['task']} on {document['store']}")
    print_table(console, title, ("check", "verdict", "reason"), rows)
