"""The command line: every verb a thin layer over the Python interface."""

from __future__ import annotations

import difflib
import logging
import os
import re
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import typer

from scanengine.cli import (
    bench,
    calibrate,
    events,
    fit,
    info,
    limits,
    listing,
    merge,
    plot,
    reproduce,
    run,
    start,
    streams,
    take_away,
    verify,
)
from scanengine.cli.interrupts import listen
from scanengine.cli.warn import forget_warnings
from scanengine.errors import Interrupted, ScanengineError, is_interrupt

app = typer.Typer(
    name="scanengine",
    help="Scan new physics in coherent elastic neutrino-nucleus scattering.",
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

for verb in (
    start.new,
    start.copy,
    start.data,
    run.run,
    merge.merge,
    verify.verify,
    plot.plot,
    info.info,
    events.events,
    fit.fit,
    calibrate.calibrate,
    limits.limits,
    take_away.export,
    take_away.explore,
    take_away.table,
):
    app.command()(verb)
app.command(name="list")(listing.list_scans)
app.command()(reproduce.reproduce)
app.command()(bench.bench)
app.command()(listing.schema)

_UsageError: Any = typer.BadParameter.__base__
"""What a wrong option or argument raises; typer has click's classes or, by its version, copies of them."""

_INTERRUPTED = 130
"""What typer makes of a Ctrl-C that no verb has caught."""


def main() -> None:
    """Run the command line; errors become a sentence on standard error and exit status 1 or 2."""
    with streams.guarded(), _library_heard():
        status = streams.end(_status())
    from scanengine.driver.ranks import end_job

    end_job(status)
    sys.exit(status)


def _status() -> int:
    """Do what the arguments say and return the exit status."""
    listen()
    Interrupted.last = "interrupted"
    forget_warnings()
    try:
        status = app(standalone_mode=False)
    except ScanengineError as error:
        return _told(str(error), error.exit_status)
    except _UsageError as error:
        return _told(_usage(error.format_message()), 2)
    except (KeyboardInterrupt, typer.Abort):
        return _told(Interrupted.last, 1)
    except MemoryError:
        return _told('out of memory: fewer points, fewer threads or keep = "profiles" would need less', 1)
    except Exception as error:  # noqa: BLE001  (a bug of ours: still a sentence, with a way to see more)
        if is_interrupt(error):
            return _told(Interrupted.last, 1)
        if os.environ.get("SCANENGINE_DEBUG"):
            traceback.print_exc()
        if isinstance(error, OSError) and error.filename is not None:  # the world's, not ours
            return _told(f"{error.filename}: {error.strerror or error}", 1)
        return _told(f"a bug in scanengine: {type(error).__name__}: {error}; SCANENGINE_DEBUG=1 shows where", 1)
    return _told(Interrupted.last, 1) if status == _INTERRUPTED else status or 0


def _usage(message: str) -> str:
    """Return what is wrong with the arguments, with the nearest command where there is none of a name."""
    unknown = re.match(r"No such command '([^']*)'", message)
    close = nearest_command(unknown[1]) if unknown else None
    if unknown and close:
        return f"there is no command {unknown[1]}: the nearest is {close} (scanengine --help lists all)"
    return f"{message} (scanengine --help lists what there is)"


def nearest_command(name: str) -> str | None:
    """Return the command whose name is spelt most like this."""
    names = [command.name or getattr(command.callback, "__name__", "") for command in app.registered_commands]
    close = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return close[0] if close else None


class _Notes(logging.Handler):
    """What the library logs, as notes on standard error as it is at the time."""

    def emit(self, record: logging.LogRecord) -> None:
        print(f"note: {record.getMessage()}", file=sys.stderr)


@contextmanager
def _library_heard() -> Iterator[None]:
    """Let what the library logs be seen."""
    logger, notes = logging.getLogger("scanengine"), _Notes()
    logger.addHandler(notes)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(notes)


def _told(message: str, status: int) -> int:
    for line in message.split("\n"):
        print(f"error: {line}", file=sys.stderr)
    return status


@app.callback(invoke_without_command=True)
def _without_verb(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False
) -> None:
    if version:
        from scanengine import __version__

        print(__version__)
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())
