from trifid.data.tasks.zsfr import zsfr
from trifid.ingest.targets import target_columns


def test_rates_are_columns_and_the_redshift_stays_a_feature() -> None:
    rates = {target.column for target in zsfr().targets.values()} - {"redshift"}
    assert len(rates) == 8
    assert rates <= target_columns()
    assert "sfr_flag" in target_columns()
    assert not target_columns() & {"redshift", "modelmag_r", "u", "teff", "logg"}
