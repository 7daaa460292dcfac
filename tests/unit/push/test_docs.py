"""docs/push.md names every kind, key, state and command there is."""

from __future__ import annotations

import importlib
import inspect
import re
from pathlib import Path

import pytest

from ad_stream.push.base import STATES
from ad_stream.push.registry import KINDS, NOT_FROM_SETTINGS
from ad_stream.push.targets.power_bi_rows import SAMPLE, TYPES, definition
from ad_stream.simulate.power_bi.rules import COLUMNS

PAGE = (Path(__file__).resolve().parents[3] / "docs" / "push.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_every_key_of_a_kind_is_on_the_page(kind: str) -> None:
    section = re.split(r"^## ", PAGE, flags=re.M)[
        [part.split("\n")[0] for part in re.split(r"^## ", PAGE, flags=re.M)].index(kind)
    ]
    made = getattr(importlib.import_module(f"ad_stream.push.targets.{kind}"), KINDS[kind])
    keys = set(inspect.signature(made).parameters) - NOT_FROM_SETTINGS - {"name"}
    assert {key for key in keys if f"`{key}`" not in section} == set()


def test_every_state_is_on_the_page() -> None:
    assert {state for state in STATES if f"`{state}`" not in PAGE} == set()


def test_sender_and_receiver_agree_on_columns_and_types() -> None:
    assert {one["name"]: one["dataType"] for one in definition(SAMPLE)} == COLUMNS
    assert set(SAMPLE.values()) <= set(TYPES)
