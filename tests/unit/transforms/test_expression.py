from trifid.transforms.expression import stored_features, terms


def test_terms_carry_their_signs_and_names_may_hold_dashes():
    assert terms("u") == [("+", "u")]
    assert terms(" psfmag_u - psfmag_g  + a-b") == [
        ("+", "psfmag_u"),
        ("-", "psfmag_g"),
        ("+", "a-b"),
    ]


def test_stored_features_of_several_expressions():
    assert stored_features(["u - g", "g - r", "r"]) == {"u", "g", "r"}
    assert stored_features([]) == frozenset()
