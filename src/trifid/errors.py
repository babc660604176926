"""The one exception tree of trifid.

    TrifidError                 anything a user can act on: one line on the terminal, exit 2
    ├── InputError              a survey file, catalogue or array that cannot be used as given
    ├── StoreError              a store that is missing, locked, damaged or of another version
    ├── ConfigError             a recipe, option or name that does not exist or does not fit
    ├── BundleError             a model bundle whose hash, shapes or schema do not agree
    └── RunError                a run folder that cannot be continued or read

Any other exception that reaches the command line is a bug of ours (exit 1).
"""


class TrifidError(Exception):
    """A user's mistake, said in one line: what, got, expected, what to do."""


class InputError(TrifidError):
    """A survey file, catalogue or array that cannot be used as given."""


class StoreError(TrifidError):
    """A store that is missing, locked, damaged or of another version."""


class ConfigError(TrifidError):
    """A recipe, option or name that does not exist or does not fit."""


class BundleError(TrifidError):
    """A model bundle whose hash, shapes or schema do not agree."""


class RunError(TrifidError):
    """A run folder that cannot be continued or read."""
