"""docs/sources.md names every kind and every key there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from ad_stream.sources.registry import KINDS

ROOT = Path(__file__).resolve().parents[3]
SECTIONS = dict(
    part.split("\n", 1)
    for part in re.split(r"^## ", (ROOT / "docs" / "sources.md").read_text(encoding="utf-8"), flags=re.M)[1:]
)


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_is_in_its_section(kind: str) -> None:
    words = set(re.findall(r"\w+", SECTIONS[kind]))
    keys = {field.alias or name for name, field in KINDS[kind].settings.model_fields.items()}
    assert keys - words == set()


def test_the_shipped_configuration_names_every_kind() -> None:
    first = (ROOT / "conf" / "local.yaml").read_text(encoding="utf-8").split("telemetry:")[0]
    assert [kind for kind in KINDS if kind not in first] == []
