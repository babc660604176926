"""trifid audit: what a paper's numbers imply, and what could flatter a recipe on a store."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer


def audit(
    subject: Annotated[
        str, typer.Argument(help="`papers`, or a store whose split and features to check.")
    ],
    what: Annotated[
        list[str] | None,
        typer.Argument(help="papers: names or TOML files (all that are known); store: a recipe."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Audit published tables, or a recipe on a store: the arithmetic behind every statement.

    `trifid audit papers [NAME or FILE.toml ...]` recomputes counts, intervals and tests from the
    printed numbers; `trifid audit STORE RECIPE` looks for leaks in splits and features.
    """
    document = _papers(what or []) if subject == "papers" else _store(Path(subject), what or [])
    if as_json:
        typer.echo(json.dumps(document, allow_nan=False))
    elif subject == "papers":
        _print_papers(document)
    else:
        _print_store(document)


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


def _store(store: Path, what: list[str]) -> dict[str, Any]:
    from trifid.cli.recipes import find_recipe
    from trifid.errors import ConfigError
    from trifid.evaluation.leakage.audit import audit_store

    if len(what) != 1:
        raise ConfigError(
            f"audit of {store} got {len(what)} recipes, expected one: trifid audit STORE RECIPE "
            "(for published tables: trifid audit papers [FILE.toml])"
        )
    recipe = find_recipe(what[0])
    findings = [finding.json() for finding in audit_store(store, recipe)]
    return {"store": str(store), "recipe": recipe.name, "findings": findings}


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


def _print_store(document: dict[str, Any]) -> None:
    from trifid.cli.tables import plain_console, print_table, printable

    console = plain_console()
    rows = [(f["check"], f["verdict"], f["reason"]) for f in document["findings"]]
    title = printable(f"{document['recipe']} on {document['store']}")
    print_table(console, title, ("check", "verdict", "reason"), rows)
