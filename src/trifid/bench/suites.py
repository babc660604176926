"""The suites that come with trifid."""

from trifid.bench.suite import Contender, Suite

SUITES = {
    "galaxy4_small": Suite(
        name="galaxy4_small",
        contenders=(
            Contender(name="gcsnet", recipe="galaxy4"),
            Contender(name="gcsnet-spectrum", recipe="galaxy4_spectrum"),
            Contender(name="gasnet2", recipe="galaxy4_gasnet2"),
            Contender(name="mb-istl", recipe="galaxy4_mb_istl"),
            Contender(name="transformer-fusion", recipe="galaxy4_transformer_fusion"),
            Contender(name="boosted-trees", recipe="galaxy4_boosted"),
        ),
    )
}
"""Six models of galaxy4 under one budget; give the budget with `--set`."""
