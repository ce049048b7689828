"""Whether the numbers of a file follow from the definition in it: they are worked out anew, as far as can be."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scanengine.api.densities import differences
from scanengine.api.result import Result
from scanengine.api.scan import Scan
from scanengine.chi2.evaluator import Cost
from scanengine.grid.axes import Axis, FloatArray
from scanengine.grid.profiles import PROMISED_RELATIVE, Profiles
from scanengine.scan.plan import ROUNDING_NEAR, attributes_of, fit_attributes
from scanengine.scan.rounding import rounding_near_minimum

if TYPE_CHECKING:
    from scanengine.store import StoredResult

_SAMPLE = 4096
"""How many points, spread over the grid, are recalculated; all points of a smaller grid."""
_DIRECT_SAMPLE = 64
"""Where every point takes a double integral."""
_GOLDEN = 0.6180339887498949

_SAME = 1e-9
_SAME_ATTRIBUTE = 1e-6
"""Values of nuisances are where a minimum is flat."""

_AFFORDABLE = {
    Cost.POLYNOMIALS: 100_000_000,
    Cost.LINEAR_SYSTEM: 100_000_000,
    Cost.ITERATION: 1_000_000,
    Cost.INTEGRALS: 1_000,
}
"""Points that are scanned in seconds."""

_MARGINALS = "that marginals are those of the grid, which was not kept"


class Lie(Exception):
    """What differs from the definition, as the end of a sentence."""


class Sample:
    """Points spread over a grid that is read part by part, with their chi2; of a small grid all."""

    def __init__(self, shape: tuple[int, ...]) -> None:
        self._total, self._seen, self._taken = prod(shape), 0, 0
        self.indices = [np.zeros((0, len(shape)), dtype=np.int64)]
        self.chi2 = [np.zeros(0)]

    def look(self, start: tuple[int, ...], values: FloatArray) -> None:
        """Take points of a part, as many as it has a share in the grid."""
        self._seen += values.size
        n = min(values.size, min(_SAMPLE, self._total) * self._seen // self._total - self._taken)
        flat = np.arange(n) if n == values.size else np.unique(_spread(n, values.size))
        self._taken += flat.size
        self.indices.append(np.stack(np.unravel_index(flat, values.shape), axis=-1) + np.array(start))
        self.chi2.append(values.reshape(-1)[flat])


class Check:
    """Holds a file against what its definition gives. Every method raises `Lie` where they differ."""

    def __init__(self, scan: Scan, stored: StoredResult, result: Result) -> None:
        self.scan, self.stored, self.result = scan, stored, result
        self.direct = scan.problem.is_direct
        self.unchecked: list[str] = []
        if stored.profiles.marginals is not None and not stored.has_grid:
            self.unchecked.append(_MARGINALS)
        if stored.exact_profiles is not None:
            self.unchecked.append("that no exact profile is too low")
            if stored.exact_profiles[1].bounds is not None:
                self.unchecked.append("that no lower bound is too high, but at points where chi2 was evaluated anew")

    def axes(self) -> list[str]:
        """Check the axes, and which profiles there are; return what is only called otherwise."""
        ours, theirs = self.scan.definition.axes, self.stored.axes
        if [axis.name for axis in ours] != [axis.name for axis in theirs]:
            raise Lie(f"its axes are {_list(theirs)}, and should be {_list(ours)}")
        otherwise = []
        for our, their in zip(ours, theirs, strict=True):
            if not np.array_equal(our.values, their.values):
                at = int(np.argmax(our.values != their.values)) if our.values.shape == their.values.shape else -1
                where = f"value {at} of" if at >= 0 else "the number of values of"
                raise Lie(f"{where} the axis {our.name} is another one")
            if our.units != their.units:
                raise Lie(f"the axis {our.name} is in {their.units!r}, and should be in {our.units!r}")
            if (our.long_name or our.name, our.symbol) != (their.long_name, their.symbol):
                otherwise.append(f"what the axis {our.name} is called: {their.long_name!r}, {their.symbol!r}")
        output = self.scan.definition.output
        wanted = {
            "the grid": (self.stored.has_grid, output.keep == "grid"),
            "exact profiles": (self.stored.exact_profiles is not None, output.profile != "grid"),
            "a proof": (
                self.stored.exact_profiles is not None and self.stored.exact_profiles[1].bounds is not None,
                output.profile == "proven",
            ),
            "a marginal": (self.stored.profiles.marginals is not None, output.marginals),
        }
        for what, (there, asked) in wanted.items():
            if there != asked:
                raise Lie(f"{what} {'is there, and was not' if there else 'is not there, and was'} asked for")
        return otherwise

    def attributes(self) -> list[str]:
        """Check the attributes that follow from the definition; return which are missing."""
        expected = attributes_of(self.scan.problem)
        at = self.stored.profiles.best_fit if self.stored.exact_profiles is None else self.result.best_fit.values()
        named = dict(zip((axis.name for axis in self.stored.axes), at, strict=True))
        if not self.direct:
            expected |= fit_attributes(self.scan.fit_at(**named))
            found = self.stored.exact_profiles or (self.stored.axes, self.stored.profiles)
            near = rounding_near_minimum(self.scan.problem, *found)
            expected |= {} if near is None else {ROUNDING_NEAR: near}
        missing = []
        for name, value in expected.items():
            if name not in self.stored.attributes:
                missing.append(f"the attribute {name}, which is not there")
            elif not _same(value, self.stored.attributes[name]):
                raise Lie(f"its attribute {name} is {self.stored.attributes[name]!r}, and should be {value!r}")
        for name in ("delta_chi2_max", ROUNDING_NEAR):
            if name in self.stored.attributes and name not in expected:
                raise Lie(f"it has an attribute {name}, which was not asked for")
        return missing

    def chi2(self, sample: Sample) -> list[str]:
        """Evaluate chi2 anew at the best fit and at points spread over the grid, and return what was seen."""
        axes = self.stored.axes
        best = [self.stored.profiles.best_fit]
        minima = [self.stored.profiles.minimum]
        if self.stored.exact_profiles is not None:
            best.append(self.stored.exact_profiles[1].best_fit)
            minima.append(self.stored.exact_profiles[1].minimum)
            self._compare_exact(*self.stored.exact_profiles)
        anew = self._evaluate(np.array(best))
        for point, stored, found in zip(best, minima, anew, strict=True):
            self._compare(f"the minimum, at {_point(axes, point)},", stored, found)
        if self.stored.has_grid:
            indices, chi2 = np.concatenate(sample.indices), np.concatenate(sample.chi2)
            if self.direct:
                few = np.linspace(0, len(chi2) - 1, min(len(chi2), _DIRECT_SAMPLE)).astype(int)
                indices, chi2 = indices[few], chi2[few]
            points = self._points(indices)
            for point, stored, found in zip(points, chi2, self._evaluate(points), strict=True):
                self._compare(f"chi2 at {_point(axes, point)}", stored, found)
            whole = len(chi2) == prod(self.stored.shape)
            where = (
                "every point"
                if whole
                else f"{len(chi2)} of {prod(self.stored.shape):.4g} points, spread over the grid,"
            )
            return [f"chi2 at {where} was recalculated"]
        return [*self._profiles_anew(), "no profile is above chi2 recalculated at points spread over the grid"]

    def _profiles_anew(self) -> list[str]:
        """Find the profiles anew where that takes seconds: at all values of the longest axis, or some of them."""
        shape, definition = self.stored.shape, self.scan.definition
        n = min(prod(shape), _DIRECT_SAMPLE if self.direct else _SAMPLE)
        indices = np.stack(np.unravel_index(_spread(n, prod(shape)), shape), axis=-1)
        self._bound(self.stored.profiles, indices, self._evaluate(self._points(indices)))
        longest = int(np.argmax(shape))
        affordable = _AFFORDABLE[self.scan.problem.evaluator.cost]
        number = min(shape[longest], affordable * shape[longest] // prod(shape))
        if number < 2:
            self.unchecked.append("that no profile is too low: to recalculate them would take too long")
            return []
        picked = np.unique(np.linspace(0, shape[longest] - 1, number).astype(np.int64))
        axes = list(definition.axes)
        axes[longest] = replace(axes[longest], values=axes[longest].values[picked])
        output = replace(definition.output, keep="profiles", profile="grid", planes=(), delta_chi2_max=None)
        whole = number == shape[longest] and definition.output.delta_chi2_max is None
        output = replace(output, marginals=whole and self.stored.profiles.marginals is not None)
        anew = Scan(replace(definition, axes=tuple(axes), output=output)).run()
        for names, stored in self.stored.profiles.each():
            found = anew.profile(*names).chi2
            where = tuple(picked if name == axes[longest].name else slice(None) for name in names)
            self._compare_profile(
                names, stored[where], found, equal=axes[longest].name in names or number == shape[longest]
            )
        if output.marginals:
            self._compare_marginals(anew)
        if number == shape[longest]:
            return [f"lines and planes were recalculated{', marginals too' if output.marginals else ''}"]
        self.unchecked.append(f"lines and planes beyond {number} of {shape[longest]} values of {axes[longest].name}")
        return [f"lines and planes were recalculated at {number} of {shape[longest]} values of {axes[longest].name}"]

    def _compare_marginals(self, anew: Result) -> None:
        kept, found = self.stored.profiles.marginals, anew.marginals
        assert kept is not None
        assert found is not None
        for difference in differences(kept, found):
            raise Lie(difference)
        self.unchecked.remove(_MARGINALS)

    def _compare_profile(self, names: tuple[str, ...], stored: FloatArray, found: FloatArray, *, equal: bool) -> None:
        seen = found < self.stored.profiles.minimum + self.result.delta_chi2_max
        error = self._error(found[seen])
        wrong = stored[seen] > found[seen] + error
        if equal:
            wrong |= stored[seen] < found[seen] - error
        if wrong.any():
            at = int(np.argmax(wrong))
            raise Lie(
                f"the profile of {' and '.join(names)} is {stored[seen][at]:.10g} where {found[seen][at]:.10g} "
                "is recalculated"
            )

    def _compare_exact(self, axes: tuple[Axis, ...], exact: Profiles) -> None:
        """Check that no exact profile is below its minimum, nor above the grid's own where both have a point."""
        if exact.minimum > self.stored.profiles.minimum + self._error(exact.minimum):
            raise Lie("the minimum of the exact profiles is above that of the grid")
        common = {
            fine.name: np.intersect1d(fine.values, coarse.values, return_indices=True)[1:]
            for fine, coarse in zip(axes, self.stored.axes, strict=True)
        }
        grid = self.stored.profiles
        for names, values in exact.each():
            if values.min() < exact.minimum - self._error(exact.minimum):
                raise Lie(f"the exact profile of {' and '.join(names)} is below the minimum")
            own = grid.over(names)
            if own is None:
                continue
            fine = values[np.ix_(*(common[name][0] for name in names))]
            coarse = own[np.ix_(*(common[name][1] for name in names))]
            there = np.isfinite(coarse)
            if (fine[there] > coarse[there] + self._error(coarse[there])).any():
                raise Lie(f"the exact profile of {' and '.join(names)} is above that of the grid")

    def _points(self, indices: NDArray[np.int64]) -> FloatArray:
        return np.stack([axis.values[i] for axis, i in zip(self.stored.axes, indices.T, strict=True)], axis=-1)

    def _evaluate(self, points: FloatArray) -> FloatArray:
        if self.direct or self.scan.definition.outer:
            names = [axis.name for axis in self.stored.axes]
            return np.array([self.scan.chi2(**dict(zip(names, point, strict=True))) for point in points.tolist()])
        return np.asarray(self.scan.likelihood.chi2(self.scan.definition.parameters.values(points)))

    def _compare(self, what: str, stored: float, anew: float) -> None:
        if stored != anew and not abs(stored - anew) <= self._error(anew):
            raise Lie(f"{what} is {stored:.10g}, and {anew:.10g} when recalculated")

    def _error(self, chi2: Any) -> Any:
        """How far chi2, a number or an array, may be from what is evaluated anew."""
        rounding = self.scan.problem.rounding
        relative = _SAME + PROMISED_RELATIVE + self.stored.relative_rounding
        return (2.0 * np.sqrt(np.abs(chi2)) + rounding) * rounding + relative * (1.0 + np.abs(chi2))

    def _bound(self, profiles: Profiles, indices: NDArray[np.int64], chi2: FloatArray) -> None:
        """Check that no line and no plane is above chi2 at any of these points."""
        place = {axis.name: i for i, axis in enumerate(self.stored.axes)}
        highest = profiles.minimum + self.result.delta_chi2_max
        for names, values in profiles.each():
            here = values[tuple(indices[:, place[name]] for name in names)]
            for index, stored, found in zip(indices, here, chi2, strict=True):
                if found < highest and stored > found + self._error(float(found)):
                    at = _point(self.stored.axes, self._points(index[None])[0])
                    raise Lie(
                        f"the profile of {' and '.join(names)} is {stored:.10g} where chi2 is {found:.10g}, at {at}"
                    )


def _spread(number: int, size: int) -> NDArray[np.int64]:
    """Return places below size: multiples of the golden ratio are spread evenly, and fall into step with no axis."""
    steps = (np.arange(1, number + 1) * _GOLDEN) % 1.0
    return (steps * float(size)).astype(np.int64)


def _list(axes: tuple[Axis, ...]) -> str:
    return ", ".join(axis.name for axis in axes)


def _point(axes: tuple[Axis, ...], values: Iterable[float]) -> str:
    return ", ".join(f"{axis.name} = {value:.9g}" for axis, value in zip(axes, values, strict=True))


def _same(ours: object, theirs: object) -> bool:
    """Whether an attribute is as it should be: texts alike, numbers up to rounding."""
    one, other = np.atleast_1d(np.asarray(ours)), np.atleast_1d(np.asarray(theirs))
    if one.shape != other.shape:
        return False
    if one.dtype.kind in "fiu" and other.dtype.kind in "fiu":
        return bool(np.allclose(one.astype(float), other.astype(float), rtol=_SAME_ATTRIBUTE, atol=_SAME_ATTRIBUTE))
    return bool(np.array_equal(one.astype(str), other.astype(str)))
