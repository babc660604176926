from trifid.bench.suites import SUITES
from trifid.registry import entries


def test_every_contender_is_a_recipe_under_a_name_of_its_own():
    known = {entry.name for entry in entries("recipe")}
    for name, suite in SUITES.items():
        assert suite.name == name
        assert {contender.recipe for contender in suite.contenders} <= known
        names = [contender.name for contender in suite.contenders]
        assert len(set(names)) == len(names) > 1
