"""The picture of how a scan goes through the folders, made by following one: `python docs/flow.py` writes flow.svg.

Each line is a call into a folder as it was seen, when it was first made, from the folder that made it, and with what it
returned. Which calls are worth a line is said here; everything else is what the code does.
"""

from __future__ import annotations

import sys
import tempfile
import threading
from collections.abc import Callable
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

import scanengine
from scanengine import figures
from scanengine.chi2.squares import ChiSquaredPolynomial
from scanengine.definition.scan_file import read
from scanengine.driver.filling import Filling
from scanengine.driver.one_pass import scan_grid
from scanengine.inference.contours import region
from scanengine.inference.intervals import intervals
from scanengine.inputs.sources import stopped_pion
from scanengine.likelihood.profiled import Likelihood
from scanengine.response.integrals import responses
from scanengine.scan.conclusions import conclude
from scanengine.scan.to_file import run_to_file
from scanengine.store import open_result
from scanengine.store.writer import GridWriter

STEPS: tuple[Callable[..., Any], ...] = (
    scanengine.load,
    read,
    stopped_pion,
    scanengine.Scan.run,
    run_to_file,
    responses,
    Likelihood.of,
    Likelihood.polynomial,
    scan_grid,
    Filling.fill,
    ChiSquaredPolynomial.fill,
    GridWriter.write,
    conclude,
    GridWriter.finish,
    open_result,
    scanengine.Result.region,
    region,
    scanengine.Result.limits,
    intervals,
    scanengine.Result.plot,
    figures.reduced,
)
"""The calls that have a line, if they are made."""

PACKAGE = Path(scanengine.__file__).parent
YOU = "you"


class Step(NamedTuple):
    """A call: from which folder, into which, of what, and what it returned."""

    caller: str
    folder: str
    name: str
    returned: str | None


def folder_of(code: CodeType) -> str | None:
    """Return the folder of the library that code is in."""
    file = Path(code.co_filename)
    return file.relative_to(PACKAGE).parts[0] if file.is_relative_to(PACKAGE) else None


def follow() -> list[Step]:
    """Return the steps of a scan of two axes from file to figure, in the order in which they were first taken."""
    codes = {_code(step): step for step in STEPS}
    seen: dict[CodeType, Step] = {}

    def watch(frame: FrameType, event: str, returned: Any) -> None:
        code = frame.f_code
        if code not in codes:
            return
        if event == "call" and code not in seen:
            here, name = str(folder_of(code)), f"{Path(code.co_filename).stem}.{codes[code].__qualname__}"
            seen[code] = Step(_caller(frame, here), here, name, None)
        elif event == "return" and code in seen and seen[code].returned is None:
            seen[code] = seen[code]._replace(returned=_type_of(returned))

    with tempfile.TemporaryDirectory() as folder:
        threading.setprofile(watch)
        sys.setprofile(watch)
        try:
            scan = scanengine.load("scholberg2006/fig07", {"output.keep": "grid"})
            result = scan.run(Path(folder) / "fig07.h5", threads=1)
            result.region()
            result.limits()
            result.plot()
        finally:
            sys.setprofile(None)
            threading.setprofile(None)
    return list(seen.values())


def _code(step: Callable[..., Any]) -> CodeType:
    code: CodeType = getattr(step, "__func__", step).__code__
    return code


def _caller(frame: FrameType, here: str) -> str:
    """Return the folder that a call came from; what a thread begins with comes from its own."""
    above = frame.f_back
    while above is not None:
        folder = folder_of(above.f_code)
        if folder is not None and not folder.endswith(".py"):
            return folder
        above = above.f_back
    return YOU if threading.current_thread() is threading.main_thread() else here


def _type_of(value: Any) -> str:
    """Return what something is, if it is of the library; of several, of what."""
    if type(value) in (list, tuple) and value:
        return f"{_type_of(value[0])}, ..."
    return type(value).__name__ if type(value).__module__.startswith("scanengine.") else ""


LEFT, STEP, TOP, LINE = 390, 84, 48, 27


def drawn(steps: list[Step]) -> str:
    """Return the steps as a picture: folders side by side as they were first come to, and a line for each step."""
    columns = list(dict.fromkeys(folder for step in steps for folder in (step.caller, step.folder)))
    x = {folder: LEFT + STEP // 2 + i * STEP for i, folder in enumerate(columns)}
    width, height = LEFT + STEP * len(columns), TOP + LINE * len(steps) + 14
    label = "The calls of a scan, from file to figure"
    arrow = '<path d="M0,0 L8,4 L0,8 z" fill="#1f4e79"/>'
    marker = f'<marker id="end" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7">{arrow}</marker>'
    size, font = f'viewBox="0 0 {width} {height}"', 'font-family="sans-serif" font-size="13"'
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font} role="img" aria-label="{label}">',
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>',
        f"<defs>{marker}</defs>",
    ]
    for folder in columns:
        parts.append(f'<line x1="{x[folder]}" y1="{TOP - 12}" x2="{x[folder]}" y2="{height - 8}" stroke="#c8c8c8"/>')
        name = folder if folder == YOU else f"{folder}/"
        parts.append(f'<text x="{x[folder]}" y="22" text-anchor="middle" font-weight="bold">{escape(name)}</text>')
    for number, step in enumerate(steps):
        y = TOP + LINE * number + LINE // 2
        start, end = x[step.caller], x[step.folder]
        returned = f" \N{RIGHTWARDS ARROW} {step.returned}" if step.returned else ""
        parts.append(
            f'<text x="8" y="{y + 4}">{escape(step.name)}<tspan fill="#555555">{escape(returned)}</tspan></text>'
        )
        if start == end:
            parts.append(f'<circle cx="{end}" cy="{y}" r="4" fill="#1f4e79"/>')
            continue
        parts.append(
            f'<line x1="{start}" y1="{y}" x2="{end}" y2="{y}" stroke="#1f4e79" stroke-width="1.6" '
            'marker-end="url(#end)"/>'
        )
    return "\n".join([*parts, "</svg>\n"])


if __name__ == "__main__":
    (Path(__file__).parent / "figures" / "flow.svg").write_text(drawn(follow()), encoding="utf-8")
