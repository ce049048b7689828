"""A scan that can be run: a definition with its responses and its likelihood."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from scanengine.api import notebook
from scanengine.api.at_points import AtPoints
from scanengine.api.exporting import explore_scan, export_scan
from scanengine.api.moved import moved
from scanengine.api.progress import Progress, told
from scanengine.api.result import Result
from scanengine.api.running import run, run_each, run_shard
from scanengine.definition import Definition
from scanengine.export import PublishedLikelihood
from scanengine.grid.calibration import Calibration
from scanengine.inference.fitting import Minimum
from scanengine.inference.joint import JointFit
from scanengine.inference.proving import PROVEN_DELTA_CHI2, Proof
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.response import Response
from scanengine.scan import proofs
from scanengine.scan.estimate import Estimate, estimate
from scanengine.scan.grid_scan import GridScan, how_to_run
from scanengine.scan.how import MEMORY_BYTES, THREADS, WORKER_TIMEOUT_S
from scanengine.scan.problem import Problem
from scanengine.scan.statements import calibrate, fit
from scanengine_kernels.direct import CrossSection


class Scan(AtPoints):
    """A scan file's definition, ready to be counted, evaluated and run.

    Points are given by the axes' names, as `chi2(eps_ee_uV=0.1)`; axes not named stay at the Standard Model.

    To another process a scan goes as its definition, with all that was read from data files; what follows from it is
    worked out again there, to the same chi2. `problem` is what is evaluated on the grid, and how: no part of the
    interface that stays the same.

    >>> axis = {"min": -0.5, "max": 0.5, "points": 101}
    >>> scan = scanengine.load("scholberg2006/fig08", {"axes": {"eps_ee_uV": axis}})
    >>> scan.chi2(eps_ee_uV=[0.0, 0.1]).round(2)
    array([ 0.  , 19.73])
    >>> f"{scan.run().limits(cl=0.90)[0].intervals[0].hi:.3f}"
    '0.028'
    """

    def __init__(self, definition: Definition, cross_section: CrossSection | None = None) -> None:
        self.problem = Problem(definition, cross_section)

    if not TYPE_CHECKING:
        __getattr__ = moved

    @property
    def definition(self) -> Definition:
        """What the scan file says."""
        return self.problem.definition

    @property
    def cross_section(self) -> CrossSection | None:
        """The cross-section in place of the standard one, if one was given."""
        return self.problem.cross_section

    @property
    def responses(self) -> tuple[Response, ...]:
        """The integrals of every experiment, channel and flavour."""
        return self.problem.responses

    @property
    def likelihood(self) -> Likelihood:
        """The likelihood as a function of all parameters."""
        return self.problem.likelihood

    @property
    def shape(self) -> tuple[int, ...]:
        """Number of points along each axis."""
        return self.problem.shape

    @property
    def statistic(self) -> str:
        """The statistic of all experiments, or "mixed"."""
        return self.problem.statistic

    @property
    def standard_model(self) -> dict[str, float]:
        """Where the Standard Model lies on the axes, for those that are physical parameters."""
        return self.problem.standard_model_on_axes

    def __repr__(self) -> str:
        axes = ", ".join(f"{axis.name} ({axis.values.size})" for axis in self.definition.axes) or "none"
        experiments = ", ".join(experiment.name for experiment in self.definition.experiments)
        return f"Scan({self.definition.title!r}; experiments: {experiments}; axes: {axes})"

    def _repr_html_(self) -> str:
        return notebook.scan_html(self)

    def at(self, changes: Mapping[str, object] | None = None, /, **keys: object) -> Scan:
        """Return the scan with other values of keys, e.g. {"experiments.Xe.mass_kg": 10}: raises as `Definition.at`."""
        return Scan(self.definition.at(changes, **keys), self.cross_section)

    def only(self, *experiments: str, channels: Sequence[str] = ()) -> Scan:
        """Return the scan of these experiments and channels alone, all without names. Raises InputError for others."""
        part = Scan(self.definition, self.cross_section)
        part.problem = self.problem.only(experiments, channels)  # with what is integrated already
        return part

    def fit(self, *starts: Mapping[str, float]) -> list[Minimum]:
        """Return the minima of chi2 within the axes, between the grid's points, the lowest first.

        None of the starts, as a result's `best_fit`, is lower than the first. Raises InputError if there are no axes,
        for a scan with a cross-section of its own, and where chi2 is lost in rounding.
        """
        return fit(self.problem, starts)

    def prove(self, minima: Sequence[Minimum], *, delta_chi2: float = PROVEN_DELTA_CHI2) -> Proof:
        """Return what is proven of minima from `fit`: between which numbers the lowest lies, and whether there are
        others within delta_chi2 of it. Raises InputError where chi2 is no sum of squared quadratics: of Poisson counts,
        nuisances that change a signal, errors with two sides, and a cross-section of one's own.
        """
        return proofs.prove(self.problem, minima, delta_chi2)

    def fit_and_prove(self, *starts: Mapping[str, float]) -> tuple[list[Minimum], Proof | None]:
        """Return the minima as `fit` does, with those that a proof finds to be missing, and what is proven of them.

        The proof is None where `prove` cannot prove anything. Raises InputError as `fit` does.
        """
        return proofs.fit_and_prove(self.problem, starts)

    def joint_fit(self, *starts: Mapping[str, float]) -> JointFit:
        """Return the best fit with parameters and nuisances, their errors and correlations: starts, errors as `fit`."""
        return proofs.joint(self.problem, starts)

    def calibrate(
        self,
        cl: float | Sequence[float] = 0.90,
        *,
        pseudo_experiments: int = 1000,
        seed: int = 1,
        threads: int | None = None,
        progress: Progress = None,
    ) -> Calibration:
        """Return critical values of Delta chi2 over one axis or two after Feldman and Cousins: of a few Poisson counts
        without nuisances by an exact sum over all outcomes, otherwise by pseudo-experiments.

        progress is as for `run`, with those done and their number. Raises InputError where none can be made.
        """
        tell = told(progress, self.definition.title, "pseudo-experiments")
        return calibrate(self.problem, cl, pseudo_experiments, seed, threads, tell)

    def export(self, output: str | Path, *starts: Mapping[str, float], overwrite: bool = False) -> PublishedLikelihood:
        """Write chi2 as a function of the axes, and the best fit from these starts, to a JSON file; return it.

        docs/likelihood-files.md says what is in it. Raises InputError as `fit`, and where it cannot be written.
        """
        return export_scan(self, output, starts, overwrite=overwrite)

    def explore(self, output: str | Path, *starts: Mapping[str, float], overwrite: bool = False) -> Path:
        """Write a page, OUT.html, that draws chi2 over any plane of the axes in a browser, without a network.

        starts are as for `fit`. Raises InputError as `fit` does, and where the file cannot be written.
        """
        return explore_scan(self, output, starts, overwrite=overwrite)

    def estimate(self, threads: int | None = None) -> Estimate:
        """Return what a run would take, from tiles that are filled, reduced and compressed but not written."""
        return estimate(self.problem, threads)

    def run(
        self,
        output: str | Path | None = None,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        threads: int | None = None,
        executor: object = THREADS,
        worker_timeout_s: float = WORKER_TIMEOUT_S,
        memory_bytes: int = MEMORY_BYTES,
        progress: Progress = None,
    ) -> Result:
        """Scan the grid, write it to a file or keep it in memory, and return the result.

        An unfinished file of the same scan is resumed, unless `fresh`. threads defaults to the cores of this process;
        executor may be another for a scan to a file: "processes:N", "tcp://HOST:PORT" of a dask scheduler, "dask" or a
        dask Client, or "mpi", whose workers are given up after worker_timeout_s without a tile. progress is True for a
        line that shows how far it is, or is called with the points done and their total. Raises InputError if it needs
        more than memory_bytes, or the file cannot be written, Interrupted, saying what was kept, on Ctrl-C.
        """
        tell = told(progress, self.definition.title)
        grid = GridScan(self.problem)
        how = how_to_run(
            grid, threads, tell, memory_bytes, executor, worker_timeout_s, overwrite=overwrite, fresh=fresh
        )
        return run(grid, output, how)

    def run_shard(
        self,
        output: str | Path,
        number: int,
        of: int,
        *,
        overwrite: bool = False,
        fresh: bool = False,
        threads: int | None = None,
        memory_bytes: int = MEMORY_BYTES,
        progress: Progress = None,
    ) -> Path:
        """Scan part `number` (from 1 on) of `of` parts of the grid, and return its file, OUT.shard-I-of-N.h5.

        `merge` makes a result of all of them. Raises as `run` does, and InputError if there is no such part.
        """
        tell = told(progress, self.definition.title)
        grid = GridScan(self.problem)
        how = how_to_run(grid, threads, tell, memory_bytes, overwrite=overwrite, fresh=fresh)
        return run_shard(grid, output, number, of, how)

    def run_each(self) -> dict[str, Result]:
        """Scan the same axes for each experiment alone, in memory, keeping profiles."""
        return run_each(self.problem)
