"""Four galaxy classes: star-forming, composite, AGN, normal."""

from trifid.data.task import FeatureSet, LabelMap, Task
from trifid.registry import register

_COLOURS = (
    "modelmag_u - modelmag_g",
    "modelmag_g - modelmag_r",
    "modelmag_r - modelmag_i",
    "modelmag_i - modelmag_z",
)


@register("task", paper="GCSNet, preprints.org 202604.1739, section 2")
def galaxy4() -> Task:
    """Star-forming, composite, AGN or normal galaxy."""
    return Task(
        name="galaxy4",
        classes=("SF", "COMP", "AGN", "NORMAL"),
        labels={
            "portsmouth": LabelMap(
                column="bpt",
                values={
                    "Star Forming": "SF",
                    "Composite": "COMP",
                    "Seyfert": "AGN",
                    "LINER": "AGN",
                    "BLANK": "NORMAL",
                },
                note="emissionLinesPort.bpt; the ambiguous Seyfert/LINER is left out",
            ),
            "mpa": LabelMap(
                column="bptclass",
                values={"1": "SF", "3": "COMP", "4": "AGN", "5": "AGN"},
                note="galSpecExtra.bptclass; -1 (unclassifiable) and 2 (low S/N) are left out",
            ),
        },
        feature_sets={
            "safe": FeatureSet(
                features=(*_COLOURS, "modelmag_r", "petror50_r", "ebv_sfd"),
                leaky=False,
                note="photometry and foreground reddening",
            ),
            "redshift": FeatureSet(
                features=(*_COLOURS, "modelmag_r", "petror50_r", "ebv_sfd", "redshift"),
                leaky=True,
                note="photometry and the pipeline's redshift, a product of the same spectrum",
            ),
            "paper": FeatureSet(
                features=("redshift", "sn_median", "ebmv", "ew_ha_6562"),
                leaky=True,
                note="GCSNet's four: E(B-V) and EW(Ha) are by-products of the fit behind the label",
            ),
        },
    )
