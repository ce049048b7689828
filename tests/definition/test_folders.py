"""Paths in scan files lead to what the user named, and nowhere else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from scanengine.definition import read
from scanengine.errors import InputError
from tests.definition.example import edited, faults_of

SECRET = "root:x:0:0\n"
CURVE = "5, 0.0\n20, 1.0\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "passwd").write_text(SECRET)
    folder = tmp_path / "scans"
    folder.mkdir()
    return folder


def scan(folder: Path, file: str) -> Path:
    path = folder / "scan.toml"
    path.write_text(edited(("= 0.8", f'= {{ file = "{file}" }}')))
    return path


@pytest.mark.parametrize("link", ["curve.csv", "inner"])
def test_a_link_out_of_the_folder_is_not_followed(folder: Path, link: str) -> None:
    (folder / link).symlink_to(folder.parent / "passwd" if link == "curve.csv" else folder.parent)
    file = link if link == "curve.csv" else "inner/passwd"
    with pytest.raises(
        InputError, match=r"is a symbolic link to .*passwd, outside its folder: put a copy there"
    ) as told:
        read(scan(folder, file))
    assert SECRET.strip() not in str(told.value)


def test_a_link_within_the_folder_is_followed(folder: Path) -> None:
    (folder / "real.csv").write_text(CURVE)
    (folder / "curve.csv").symlink_to("real.csv")
    assert read(scan(folder, "curve.csv")).experiments[0].efficiency.values.tolist() == [0.0, 1.0]


def test_links_that_lead_to_themselves_are_no_file(folder: Path) -> None:
    (folder / "curve.csv").symlink_to("curve.csv")
    with pytest.raises(InputError, match=r"curve\.csv"):
        read(scan(folder, "curve.csv"))


def test_of_the_data_folder_the_releases_may_be_links_but_lead_no_further(folder: Path, tmp_path: Path) -> None:
    data, release = tmp_path / "data", tmp_path / "disk" / "csi"
    data.mkdir()
    release.mkdir(parents=True)
    (data / "csi").symlink_to(release)
    (release / "curve.csv").write_text(CURVE)
    path = scan(folder, "{data}/csi/curve.csv")
    assert read(path, data=data).experiments[0].efficiency.values.tolist() == [0.0, 1.0]
    (release / "curve.csv").unlink()
    (release / "curve.csv").symlink_to(tmp_path / "passwd")
    with pytest.raises(InputError, match="outside its folder"):
        read(path, data=data)
    (data / "curve.csv").symlink_to(tmp_path / "passwd")
    with pytest.raises(InputError, match="outside its folder"):
        read(scan(folder, "{data}/curve.csv"), data=data)


def test_an_included_file_is_neither_elsewhere_nor_a_pipe(folder: Path) -> None:
    path = folder / "both.toml"
    path.write_text('include = ["inner.toml"]\n[axes]\nmu_nu = { min = 0, max = 20, points = 11 }\n')
    (folder / "inner.toml").symlink_to(folder.parent / "passwd")
    with pytest.raises(InputError, match="outside its folder"):
        read(path)
    (folder / "inner.toml").unlink()
    os.mkfifo(folder / "inner.toml")
    with pytest.raises(InputError, match="it is not a regular file"):
        read(path)


def test_a_null_character_is_refused_wherever_it_stands() -> None:
    text = edited(("Two targets", r"Two\u0000targets"))
    (fault,) = faults_of(text)
    assert str(fault) == "scan:1: title: found a null character, which no text of a result can hold: leave it out"
    (fault,) = faults_of(edited(), r'title="\u0000"')
    assert "null character" in fault.message


def test_a_scan_file_of_many_megabytes_is_refused_before_it_is_read(folder: Path) -> None:
    path = folder / "large.toml"
    path.touch()
    os.truncate(path, 20_000_001)
    with pytest.raises(InputError, match="larger than 20 MB: this cannot be a scan file"):
        read(path)
