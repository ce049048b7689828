"""`verify` says no more than it has seen: each lie in a file whose checksums are right is found, or not vouched for."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from scanengine import api
from scanengine.errors import InputError
from tests.api.test_scan import THREE
from tests.command_line import Command
from tests.scan_files import SMALL

Lie = Callable[[h5py.File], None]


@pytest.fixture(scope="module", params=["grid", "profiles"])
def sound(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A result over three axes, with its grid or with profiles only."""
    path = tmp_path_factory.mktemp("sound") / f"{request.param}.h5"
    scan_file = path.with_name("three.toml")
    scan_file.write_text(SMALL[: SMALL.index("[axes]")] + "[axes]\n" + THREE)
    api.load(scan_file, [f"output.keep={request.param}", "output.profile=exact"]).run(path)
    return path


@pytest.fixture
def path(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copy(sound, tmp_path))


def definition(text: Callable[[str], str]) -> Lie:
    def lie(file: h5py.File) -> None:
        changed = text(file.attrs["definition"])
        file.attrs["definition"] = changed
        file.attrs["definition_sha256"] = hashlib.sha256(changed.encode()).hexdigest()

    return lie


def attribute(name: str, value: object) -> Lie:
    return lambda file: file.attrs.__setitem__(name, value)


def change(member: str, how: Callable[[np.ndarray], np.ndarray]) -> Lie:
    def lie(file: h5py.File) -> None:
        file[member][...] = how(file[member][()])

    return lie


def everywhere(how: Callable[[np.ndarray], np.ndarray]) -> Lie:
    """Another chi2 in the whole file, so that all of its parts agree."""

    def lie(file: h5py.File) -> None:
        def visit(name: str, member: h5py.HLObject) -> None:
            if isinstance(member, h5py.Dataset) and name.rsplit("/", maxsplit=1)[-1].startswith("chi2"):
                member[...] = how(member[()])

        file.visititems(visit)
        for home in (file, file["profiles_exact"], *([file["chi2"]] if "chi2" in file else [])):
            home.attrs["minimum"] = float(how(np.array(home.attrs["minimum"])))

    return lie


def both(one: str, other: str, how: Callable[[np.ndarray], np.ndarray]) -> Lie:
    def lie(file: h5py.File) -> None:
        change(one, how)(file)
        change(other, how)(file)

    return lie


def moved(values: np.ndarray) -> np.ndarray:
    values[3] += 0.001
    return values


LIES: dict[str, Lie] = {
    "chi2 shifted": everywhere(lambda chi2: chi2 + 5.0),
    "chi2 scaled": everywhere(lambda chi2: chi2 * 4.0 + 0.1),
    "an axis stretched": both("eps_ee_uV", "profiles/eps_ee_uV", lambda values: values * 10.0),
    "a value of an axis moved": both("eps_ee_uV", "profiles/eps_ee_uV", moved),
    "a line that is too low": change("profiles/chi2_eps_ee_uV", lambda line: np.minimum(line, 1.0)),
    "a line that is too high": change("profiles/chi2_mu_nu", lambda line: line * (1.0 + 10.0 * line)),
    "a plane that is too high": change("profiles/chi2_eps_ee_uV__mu_nu", lambda plane: plane * 1e6),
    "an exact line that is too high": change("profiles_exact/chi2_eps_ee_uV", lambda line: line * 1e6 + 1.0),
    "an exact line below the minimum": change("profiles_exact/chi2_eps_ee_uV", lambda line: line - 1.0),
    "ten times the mass": definition(lambda text: text.replace("mass_kg = 100.0", "mass_kg = 1000.0")),
    "an override": attribute("definition_overrides", np.array(["fixed.eps_et_uV=1"], dtype=object)),
    "another title": attribute("title", "other"),
    "another statistic": attribute("statistic", "poisson"),
    "a bound of delta chi2": attribute("delta_chi2_max", 1e-3),
    "other units": lambda file: file["eps_ee_uV"].attrs.__setitem__("units", "GeV"),
}


@pytest.mark.parametrize("lie", LIES, ids=lambda name: name.replace(" ", "-"))
def test_a_lie_is_found(path: Path, lie: str) -> None:
    with h5py.File(path, "r+") as file:
        LIES[lie](file)
    with pytest.raises(InputError, match=r"does not agree with its definition|is damaged"):
        api.verify(path)


def test_a_sound_file_is_vouched_for_and_what_was_not_seen_is_named(path: Path) -> None:
    verified = api.verify(path)
    said = "; ".join(verified.found)
    assert "every number matches its checksum" in said
    assert "axes and attributes are those of the definition" in said
    assert ("chi2 at every point" in said, "lines and planes were recalculated" in said) == (
        path.stem == "grid",
        path.stem == "profiles",
    )
    assert any("when it was made" in what for what in verified.unchecked)


def test_a_single_point_of_a_small_grid_is_found(path: Path) -> None:
    if path.stem == "profiles":
        pytest.skip("there is no grid")
    with h5py.File(path, "r+") as file:
        file["chi2"][0, 0, 3] *= 1.0 + 1e-6
    with pytest.raises(InputError, match=r"chi2 at eps_ee_uV = -1.2, .* when recalculated"):
        api.verify(path)


def test_a_definition_that_cannot_be_read_is_not_vouched_for(path: Path, command: Command) -> None:
    with h5py.File(path, "r+") as file:
        definition(lambda _: 'title = "other"\n')(file)
    verified = api.verify(path)
    assert len(verified.found) == 1
    assert any(what.startswith("whether anything follows from the definition") for what in verified.unchecked)
    status, out, _ = command("verify", str(path))
    assert status == 0
    assert "  not checked: whether anything follows from the definition" in out
