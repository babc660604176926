"""Arrow shards on disk: written whole, memory-mapped, taken row by row in any order."""

from trifid.store.manifest import Manifest, ShardEntry
from trifid.store.read import Store
from trifid.store.write import StoreWriter, write_shard

__all__ = ["Manifest", "ShardEntry", "Store", "StoreWriter", "write_shard"]
