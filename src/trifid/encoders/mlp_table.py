"""A perceptron that turns a catalogue row into tokens."""

from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor, nn

from trifid.encoders.base import EncoderConfig
from trifid.schema.batch import Table


class MlpTableConfig(EncoderConfig):
    """Two hidden layers, then an expansion to `tokens * width` numbers with LayerNorm and ReLU."""

    kind: Literal["mlp_table"] = "mlp_table"
    hidden: int = 64
    tokens_out: int = 16
    width: int = 128
    use_valid: bool = False

    @property
    def tokens(self) -> int:
        """Number of tokens the row is cut into."""
        return self.tokens_out

    def build(self, shape: tuple[int, ...]) -> nn.Module:
        """The module for rows of shape (F,)."""
        return MlpTable(self, features=shape[0])


class MlpTable(nn.Module):
    """Table -> (B, tokens, width). Missing cells come in as 0, the training median.

    Paper: GCSNet section 3.3. With `use_valid` the validity of each cell is an input too.
    """

    def __init__(self, config: MlpTableConfig, features: int) -> None:
        super().__init__()
        self.use_valid, self.shape = config.use_valid, (config.tokens_out, config.width)
        size = config.tokens_out * config.width
        self.layers = nn.Sequential(
            nn.Linear(2 * features if config.use_valid else features, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, config.hidden),
            nn.ReLU(),
            nn.Linear(config.hidden, size),
            nn.LayerNorm(size),
            nn.ReLU(),
        )

    def forward(self, table: Table) -> Float[Tensor, "B T E"]:
        """Tokens; zero for absent rows."""
        x = table.values  # (B, F)
        if self.use_valid:
            x = torch.cat([x, table.valid.to(x.dtype)], dim=1)
        tokens = self.layers(x).unflatten(1, self.shape)  # (B, T, E)
        return torch.where(table.present[:, None, None], tokens, tokens.new_zeros(()))
