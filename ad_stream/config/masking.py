"""Secrets that stand in a configuration themselves, wherever they stand: found by the setting's name and by their shape."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ad_stream.secrets import MASK, is_reference, redact

_NAME = re.compile(
    r"(?i)password|passwd|pwd|passphrase|secret|jaas|credential|private_?key|jwt|bearer|authorization|cookie"
    r"|(?:account|access|api|subscription|client|encryption|storage)[._-]?key|connection[._-]?str|shared[._-]?access"
    r"|(?:^|[._-])(?:token|key|sas|sig|signature)$|sas\.fixed\.token"
)
"""Names of settings whose value is a secret, of ours and of Spark, Kafka, Hadoop and Azure."""
_NOT_A_SECRET = re.compile(
    r"(?i)service_credential$|[._-](?:provider|class|type|endpoint|serializer|deserializer|location|enabled|id|alias|name"
    r"|timeout|regex|ms|bytes)$"
)
"""Names that only speak about one; in Unity Catalog a service credential is known by its name."""
_SHAPE = re.compile(
    r"(?<![A-Za-z0-9._-])eyJ[\w-]{8,}\.[\w-]{8,}(?:\.[\w-]*)?"  # a JSON web token
    r"|(?<![A-Za-z0-9])(?:dapi[0-9a-f]{16,}|AKIA[A-Z0-9]{16}|gh[pousr]_\w{20,}|xox[abprs]-[\w-]{10,}|sk-[\w-]{20,})"
    r"|(?i:\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{8,}"
    r"|(?<![A-Za-z0-9+/_.-])(?=[A-Za-z+]*\d)(?=[0-9+]*[A-Za-z])[A-Za-z0-9+]{32,}(?![A-Za-z0-9+/_.-])"
    r"|(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{22,}={1,2}(?![A-Za-z0-9=])"
)
"""Tokens that are known by themselves; last, runs of letters and digits that no name would be, and Base64 with its end."""


@dataclass(frozen=True)
class Masked:
    """settings: as they may be printed; literals: the settings that held a secret itself, in their order."""

    settings: Any
    literals: tuple[str, ...]

    def sentence(self) -> str:
        """The warning, '' where there is nothing to warn of."""
        if not self.literals:
            return ""
        named = ", ".join(self.literals)
        verb = "holds" if len(self.literals) == 1 else "hold"
        return f"{named} {verb} a secret itself: put it into the environment and write ${{env:NAME}}"


def masked(settings: Mapping[str, Any]) -> Masked:
    """The settings with every literal secret in them as ***; references such as ${env:NAME} stay."""
    literals: list[str] = []
    return Masked(_hide(settings, "", literals), tuple(literals))


def hidden(key: str, value: str) -> str:
    """A value of the setting `key` as it may be printed."""
    if is_reference(value):
        return value
    if _is_secret_name(key) and value.strip():
        return MASK
    return _SHAPE.sub(MASK, redact(value))


def _hide(value: Any, key: str, literals: list[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _hide(member, f"{key}.{name}" if key else str(name), literals) for name, member in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_hide(member, f"{key}.{number}", literals) for number, member in enumerate(value)]
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        return value
    if not isinstance(value, str) and not _is_secret_name(key):
        return value
    shown = hidden(key, str(value))
    if shown != str(value) or shown == MASK:
        literals.append(key)
        return shown
    return value


def _is_secret_name(key: str) -> bool:
    return bool(_NAME.search(key)) and not _NOT_A_SECRET.search(key)
