"""A result as an xarray Dataset."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from scanengine.errors import InputError
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.marginals import Marginal
from scanengine.grid.profiles import Profiles

if TYPE_CHECKING:
    import xarray


def dataset(
    title: str,
    axes: Sequence[Axis],
    chi2: FloatArray | None,
    profile_axes: Sequence[Axis],
    profiles: Profiles,
    best_fit: Mapping[str, float],
    marginals: Sequence[Marginal] = (),
) -> xarray.Dataset:
    """Return chi2 over the axes, where it was kept, profiles over theirs and marginals, as `Result.to_xarray` says."""
    try:
        import xarray as xr
    except ImportError:
        raise InputError("to_xarray needs xarray: pip install 'scanengine[xarray]'") from None
    # exact profiles lie on finer axes, which need names of their own
    fine = {
        axis.name: axis.name if axis.values.size == finer.values.size else f"{axis.name}_fine"
        for axis, finer in zip(axes, profile_axes, strict=True)
    }
    named = {axis.name: axis for axis in axes} | {fine[axis.name]: axis for axis in profile_axes}
    coordinates = {
        name: (name, axis.values, {"units": axis.units, "long_name": axis.long_name}) for name, axis in named.items()
    }
    attributes = {"units": "1", "long_name": "chi squared"}
    variables: dict[str, tuple[Sequence[str], FloatArray, dict[str, str]]] = {
        f"profile_{x}": ((fine[x],), line, attributes) for x, line in profiles.lines.items()
    }
    for (x, y), plane in profiles.planes.items():
        variables[f"profile_{x}__{y}"] = (fine[x], fine[y]), plane, attributes
    for marginal in marginals:
        names = tuple(axis.name for axis in marginal.axes)
        units = " ".join(f"({axis.units})^-1" for axis in marginal.axes if axis.units != "1") or "1"
        told = {"units": units, "long_name": "posterior density, flat prior within the axes"}
        variables[f"marginal_{'__'.join(names)}"] = names, marginal.density, told
        variables[f"marginal_half_{'__'.join(names)}"] = (
            names,
            marginal.half,
            told | {"long_name": "the same with every second point of the axes integrated over"},
        )
    if chi2 is not None:
        variables["chi2"] = tuple(axis.name for axis in axes), chi2, attributes
    place = {f"best_fit_{name}": value for name, value in best_fit.items()}
    return xr.Dataset(variables, coordinates, {"title": title, "minimum": profiles.minimum, **place})
