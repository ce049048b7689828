"""Figure files that are the same bytes for the same result, and that never replace what is not ours."""

from __future__ import annotations

import os
from io import BytesIO
from pathlib import Path

import matplotlib as mpl
from matplotlib.figure import Figure

from scanengine.errors import InputError
from scanengine.figures._style import RC

SIGNATURE = "scanengine"
METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": SIGNATURE},
    ".pdf": {"Creator": SIGNATURE, "CreationDate": None},
    ".svg": {"Creator": SIGNATURE, "Date": None},
}


def check(target: Path, *, overwrite: bool = False) -> None:
    """Raise `InputError` if a figure could not be saved there: as `save` does, but before there is a figure."""
    if target.suffix.lower() not in METADATA:
        found = f"{target.suffix!r}" if target.suffix else "no suffix"
        raise InputError(f"{target}: a figure file ends in {', '.join(METADATA)}, but this has {found}.")
    try:
        _partial(target).exists()  # raises where that name would be too long
        if target.is_dir():
            raise InputError(f"{target} is a directory; give the name of a file.")
        if target.exists() and not overwrite and SIGNATURE.encode() not in target.read_bytes():
            raise InputError(f"{target} exists and was not drawn by scanengine; pass --overwrite to replace it.")
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}.") from error


def save(figure: Figure, path: str | os.PathLike[str], *, overwrite: bool = False) -> Path:
    """Write a figure as PNG, PDF or SVG, by the suffix of `path`; the file appears only when it is whole.

    A figure that scanengine drew is replaced. Raises `InputError` for another suffix, a place that cannot be written,
    or an existing file from elsewhere, unless `overwrite` is set.
    """
    target = Path(path)
    check(target, overwrite=overwrite)
    suffix = target.suffix.lower()
    partial = _partial(target)
    try:
        try:
            with mpl.rc_context(), partial.open("xb") as file:
                mpl.rcdefaults()
                mpl.rcParams.update(RC)  # type: ignore[arg-type]
                figure.savefig(file, format=suffix[1:], metadata=METADATA[suffix])
            partial.replace(target)
        finally:
            partial.unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{target} cannot be written: {error.strerror or error}.") from error
    return target


def thumbnail(figure: Figure, height_px: int) -> bytes:
    """Return a figure as a PNG of this height, in pixels."""
    return png(figure, height_px / figure.get_figheight())


def png(figure: Figure, dpi: float = 150.0) -> bytes:
    """Return a figure as a PNG."""
    image = BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(RC)  # type: ignore[arg-type]
        figure.savefig(image, format="png", dpi=dpi, metadata=METADATA[".png"])
    return image.getvalue()


def _partial(target: Path) -> Path:
    """Return the name of a figure while it is written."""
    return target.with_name(f".{target.name}.{os.getpid()}.partial")
