"""Each row of the table of forms in docs/own_files.md is read as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.file_forms import Form, forms, read_as


@pytest.mark.parametrize("form", forms(), ids=lambda one: one.form)
def test_a_row_of_the_page_is_read_as_it_says(form: Form, tmp_path: Path) -> None:
    assert read_as(form, tmp_path) == form.read_as


def test_the_page_has_a_table_of_forms() -> None:
    assert len(forms()) > 30
