"""What a survey is to trifid: its files, what is read of them, and who is to be credited."""

from pydantic import Field, InstanceOf

from trifid.config import Config
from trifid.schema.modality import ColumnSpec
from trifid.surveys.spectra import SpectrumReader

ABOUT_SIMULATION = "simulate.json"
"""A file of this name at the top of a folder says that what lies there is simulated."""


class Survey(Config):
    """A survey that trifid reads.

    Attributes:
        files: What is read, by the pattern of the files' names.
        columns: Scalar columns its files give.
        features: Numbers of a file's own row, by name with units.
        credit: Address of the page that says how a paper thanks the survey.
        acknowledgement: One sentence of our own that goes with everything made from its data.
        spectra: Reads its spectra.
    """

    files: dict[str, str]
    columns: dict[str, ColumnSpec]
    features: dict[str, str]
    credit: str
    acknowledgement: str = ""
    spectra: InstanceOf[SpectrumReader] = Field(exclude=True, repr=False)
