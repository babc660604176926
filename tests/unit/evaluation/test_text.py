from trifid.evaluation.text import interval_text, p_text, verdict


def test_numbers_and_their_absence():
    assert interval_text({"value": 0.82949, "low": 0.8, "high": 0.85}) == "0.829 (0.800 to 0.850)"
    assert interval_text({"value": 1.0, "low": None, "high": None}, digits=2) == "1.00 (-)"
    assert interval_text({"value": None, "low": None, "high": None}) == "-"
    assert [p_text(p) for p in (0.0, 0.0314, 1.0, None)] == ["<0.001", "0.031", "1", "-"]
    assert verdict({"better": None}) == "no difference shown"
    assert verdict({"better": "fused"}) == "fused better"
