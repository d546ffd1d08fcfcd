"""The journal: what a script writes is what is read, whole or not at all."""

from __future__ import annotations

import os
import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.runs.journal import Records, read
from workbench.tracking import LENGTH, MAGIC, POINT, Journal

VALUES = st.floats(allow_nan=False) | st.integers(-(10**6), 10**6)


def written(folder: Path, calls: list[dict[str, float]]) -> bytes:
    journal = Journal(folder)
    for call in calls:
        journal.log(call)
    (path,) = folder.iterdir()
    data = path.read_bytes()
    journal.close()
    assert path.read_bytes() == data.rstrip(b"\0") or path.read_bytes() == data[: len(path.read_bytes())]
    path.unlink()
    return data


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.text(max_size=20), VALUES, max_size=4), max_size=60))
def test_what_is_logged_is_read_in_order(tmp_path: Path, calls: list[dict[str, float]]) -> None:
    records = read(written(tmp_path / "journal", calls), at_start=True)
    found = [(records.names[number], value) for number, _, _, value in records.points]
    expected = [(name.encode("utf-8", "backslashreplace").decode(), float(v)) for c in calls for name, v in c.items()]
    assert found == expected


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 2000))
def test_a_journal_cut_anywhere_gives_whole_records_and_goes_on_from_there(tmp_path: Path, cut: int) -> None:
    data = written(tmp_path / "journal", [{"loss": n * 0.5, f"m{n % 3}": n} for n in range(20)]).rstrip(b"\0")
    first = read(data[:cut], at_start=True)
    rest = read(data[first.size :], at_start=first.size == 0)
    whole = read(data, at_start=True)
    assert first.points + rest.points == whole.points
    assert {**first.names, **rest.names} == whole.names


def test_a_journal_longer_than_its_first_pages_is_whole(tmp_path: Path) -> None:
    records = read(written(tmp_path / "journal", [{"x": n} for n in range(50_000)]), at_start=True)
    assert [value for *_, value in records.points] == [float(n) for n in range(50_000)]
    assert [step for _, step, _, _ in records.points] == list(range(50_000))


def test_unknown_records_are_stepped_over() -> None:
    unknown = b"Z" + LENGTH.pack(5) + b"12345"
    point = b"P" + POINT.pack(0, 1, 2.0, 3.0)
    assert read(MAGIC + unknown + point, at_start=True).points == [(0, 1, 2.0, 3.0)]


def test_a_record_whose_end_is_not_there_yet_waits() -> None:
    point = b"P" + POINT.pack(0, 1, 2.0, 3.0)
    assert read(MAGIC + point + b"P\0\0\0", at_start=True).size == len(MAGIC + point)
    assert read(MAGIC + b"P" + bytes(POINT.size), at_start=True).points == []


@given(st.binary(max_size=400))
def test_any_bytes_are_read_without_an_error(data: bytes) -> None:
    for at_start in (True, False):
        found = read(data, at_start=at_start)
        assert isinstance(found, Records)
        assert 0 <= found.size <= len(data)


def test_another_file_is_not_taken_for_a_journal() -> None:
    assert read(b"#!/bin/sh\n" * 3, at_start=True).problem == "not a journal of this version"


def test_where_room_cannot_be_reserved_plain_writes_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    records = read(written(tmp_path / "journal", [{"x": n} for n in range(1000)]), at_start=True)
    assert len(records.points) == 1000


def test_the_size_of_a_point_is_fixed() -> None:
    assert POINT.size == struct.calcsize("<Iqdd") == 28
