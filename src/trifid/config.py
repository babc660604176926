"""The base of every configuration: frozen, closed, changed only through `replace`."""

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from trifid.errors import ConfigError

_Model = TypeVar("_Model", bound=BaseModel)


class Config(BaseModel):
    """A frozen set of fields. Unknown keys are refused, values are checked, tuples stay tuples."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def replace(self, **fields: Any) -> Self:
        """A copy with some fields changed; the whole is validated again.

        Raises:
            ConfigError: If a field does not exist or a value does not fit.
        """
        values = {name: getattr(self, name) for name in type(self).model_fields}
        return parse(type(self), values | fields)


def parse(kind: type[_Model], values: Any) -> _Model:
    """Builds a configuration from plain values, with one-line errors.

    Raises:
        ConfigError: Naming each field that does not fit, what it got and what was expected.
    """
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(part) for part in item['loc']) or kind.__name__}: {item['msg']}"
            + ("" if item["type"] == "extra_forbidden" else f" (got {item['input']!r:.80})")
            for item in error.errors()
        )
        raise ConfigError(f"{kind.__name__}: {problems}") from None


def differences(old: Config, new: Config) -> str:
    """What differs between two configurations of one sort, field by field, in one short line."""
    before, after = old.model_dump(), new.model_dump()
    found: list[str] = []
    for name in [key for key in {**before, **after} if before.get(key) != after.get(key)]:
        was, now = before.get(name), after.get(name)
        if isinstance(was, tuple) and isinstance(now, tuple):
            gone = [str(item) for item in was if item not in now]
            added = [str(item) for item in now if item not in was]
            changes = [f"without {_some(gone)}"] * bool(gone) + [f"new {_some(added)}"] * bool(
                added
            )
            found.append(f"{name}: {', '.join(changes) or 'another order'}")
        else:
            found.append(f"{name} was {was!r:.60}, now {now!r:.60}")
    return "; ".join(found)


def _some(names: list[str]) -> str:
    rest = len(names) - 3
    return ", ".join(names[:3]) + (f" and {rest} more" if rest > 0 else "")


def by_kind(base: type[Config], package: str) -> Callable[[Any], Any]:
    """A validator for a field that holds a part: finds the part's class by its `kind`.

    Used as `Annotated[SerializeAsAny[Base], BeforeValidator(by_kind(Base, "trifid.encoders"))]`:
    a plain base type would silently drop a part's own fields, and a closed union would shut out
    parts that live elsewhere.

    Args:
        base: The class all parts of this sort derive from; each has `kind: Literal[...]`.
        package: The folder whose modules define them; imported when a kind is not known yet.
    """

    def resolve(value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        kind = value.get("kind")
        known = _kinds(base)
        if kind not in known:
            folder = importlib.import_module(package)
            for module in pkgutil.iter_modules(folder.__path__):
                importlib.import_module(f"{package}.{module.name}")
            known = _kinds(base)
        if kind not in known:
            raise ValueError(f"no part of kind {kind!r}; known: {', '.join(sorted(known))}")
        return known[kind].model_validate(value)

    return resolve


def _kinds(base: type[Config]) -> dict[str, type[Config]]:
    found: dict[str, type[Config]] = {}
    for child in base.__subclasses__():
        if "kind" in child.model_fields:
            found[child.model_fields["kind"].default] = child
        found |= _kinds(child)
    return found
