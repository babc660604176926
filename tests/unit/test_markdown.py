from trifid.markdown import document, plain, table


def test_foreign_text_is_no_markup() -> None:
    hostile = "<script>a</script> [x](http://b) | `c` **d**\n# e\x1b[31m\u202e & f_g"
    said = plain(hostile)
    assert "<" not in said and "\n" not in said and "\x1b" not in said and "\u202e" not in said
    assert r"\[x\]\(" in said and r"\|" in said and r"\`c\`" in said and r"\#" in said
    assert "http://" not in said and "&amp;" in said and r"f\_g" in said
    assert len(plain("a" * 9999)) == 300


def test_tables_and_documents_leave_out_what_is_empty() -> None:
    assert table(("a", "b"), []) == ""
    rows = table(("a", "b"), [("x|y", 2)]).splitlines()
    assert rows == ["| a | b |", "|---|---|", r"| x\|y | 2 |"]
    said = document("T", [("One", "text"), ("Two", "")])
    assert said == "# T\n\n## One\n\ntext\n"
