"""The command ``si``: a table of commands, of the core and of plugins, each imported when it is chosen.

Exit codes: 0 done; 1 internal error; 2 recipe or usage; 3 data or numerics; 4 checkpoint or storage; 5 plugin;
130 and 143 interrupted and terminated; 141 the reader of our output has gone. Errors go to standard error, without
traceback unless ``--debug`` is given.
"""

from __future__ import annotations

import argparse
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from si_core.cli.console import reader_gone
from si_core.cli.ending import Ending, ended_by_signals
from si_core.cli.folding import error_text
from si_core.cli.output import escaped_outputs
from si_core.cli.parser import Parser, add_global_options, add_own_options
from si_core.cli.tables import one_line as plain
from si_core.cli.verbosity import speaking
from si_core.cli.version import print_versions
from si_core.discovery.command import CommandObject
from si_core.discovery.commands import FoundCommand, all_commands, find_command, load_command
from si_core.discovery.plugins import FILTER_VARIABLE
from si_core.errors import PluginError, SIError, StorageError, UsageError, one_line, shortened

__all__ = ["main"]

_LONGEST = 50_000
"""Letters of an error: ten problems of a recipe at their longest."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; errors are printed, never raised.

    Args:
        argv: the words after ``si``, by default those of the process.
    """
    _tolerate_narrow_encodings()
    with ended_by_signals(last=argv is None) as ending, escaped_outputs():
        return _answered(list(sys.argv[1:] if argv is None else argv), ending)


def _answered(words: list[str], ending: Ending) -> int:
    debug = "--debug" in words
    try:
        try:
            return _done(words)
        finally:
            ending.begin()
    except KeyboardInterrupt as interrupt:
        return _fail(interrupt, str(interrupt) or "interrupted", getattr(interrupt, "exit_code", 130), debug)
    except BrokenPipeError:
        reader_gone("stdout")
        return 128 + 13  # as a process ends that SIGPIPE has killed
    except SIError as error:
        return _fail(error, f"error: {error}", error.code, debug)
    except OSError as error:
        return _fail(error, f"error: {_of_system(error)}", StorageError.code, debug)
    except Exception as error:
        return _fail(
            error, f"internal error: {one_line(error)}\n  fix: use --debug for the traceback and report it", 1, debug
        )


def _done(words: list[str]) -> int:
    """The exit code of a command that came to its end, with all that it said on its way."""
    with _plugins_switched("--no-plugins" not in words):
        try:
            code = _run(words)
        except SystemExit as stop:  # argparse, after --help
            code = stop.code if isinstance(stop.code, int) else int(stop.code is not None)
        if sys.stdout is not None:
            sys.stdout.flush()  # here, where a closed pipe can still be answered quietly
    return code


def _run(words: list[str]) -> int:
    parser = Parser(
        prog="si",
        description="Generative models on stochastic interpolants.",
        epilog="Begin with `si recipes` and `si run checkerboard`; `si COMMAND --help` prints more of a command.",
    )
    add_own_options(parser)
    subparsers = parser.add_subparsers(dest="command", metavar="COMMAND", title="commands")
    chosen = next((word for word in words if not word.startswith("-")), None)
    found = None if chosen is None else _found(chosen)
    command = None if found is None else load_command(found)
    for name, listed in _listed(words, chosen, found).items():
        if name == chosen and command is not None:
            _describe(subparsers.add_parser(name, help=_help(listed)), listed, command)
        else:
            subparsers.add_parser(name, help=_help(listed), add_help=False)
    arguments, rest = parser.parse_known_args(words)
    if hasattr(arguments, "overrides") and not any(word.startswith("-") for word in rest):
        arguments.overrides, rest = [*arguments.overrides, *rest], []  # argparse takes them in one place only
    of_command = parser if chosen is None else subparsers.choices[chosen]
    if rest or hasattr(arguments, "overrides"):
        from si_core.cli.hints import refuse_changes_in_parts, unknown_argument

        if rest:
            raise unknown_argument(of_command, rest, words)
        refuse_changes_in_parts(of_command, arguments.overrides)
    if arguments.version:
        print_versions()
        return 0
    if found is None or command is None:
        parser.print_help(sys.stderr)
        return UsageError.code
    return _carried_out(found, command, arguments)


def _found(chosen: str) -> FoundCommand:
    try:
        return find_command(chosen)
    except UsageError as error:
        from si_core.cli.hints import recipe_as_command

        raise recipe_as_command(chosen) or error from None


def _listed(words: list[str], chosen: str | None, found: FoundCommand | None) -> dict[str, FoundCommand]:
    """The commands that the parser knows: all where they are listed, else the chosen one, which asks no plugin."""
    if chosen is None or found is None or words[0] in ("-h", "--help"):
        return all_commands()
    return {chosen: found}


def _help(found: FoundCommand) -> str:
    return plain(found.command.summary).replace("%", "%%")  # a summary is no format of argparse


def _describe(parser: argparse.ArgumentParser, found: FoundCommand, command: CommandObject) -> None:
    """Let a command add its arguments, and add those of every command."""
    try:
        with _attributed(found):
            command.add_arguments(parser)
        add_global_options(parser)
    except argparse.ArgumentError as error:
        raise PluginError(f"its arguments clash: {error}", where=found.label) from error


def _carried_out(found: FoundCommand, command: CommandObject, arguments: argparse.Namespace) -> int:
    """Run a command; returns its exit code."""
    with speaking(arguments), _attributed(found):
        code = command.run(arguments)
    if code is not None and not isinstance(code, int):
        raise PluginError(
            "its run(arguments) returned no exit code",
            where=found.label,
            got=type(code).__name__,
            allowed="a whole number, or None for 0",
        )
    return int(code or 0)


def _attributed(found: FoundCommand) -> AbstractContextManager[None]:
    """What a plugin's command raises is the plugin's; that the reader of its output has gone is nobody's fault."""
    if found.plugin is None:
        return nullcontext()
    from si_core.runs.attribution import attributed

    return attributed(BrokenPipeError, argparse.ArgumentError)


@contextmanager
def _plugins_switched(on: bool) -> Iterator[None]:
    """Switch all plugins off, for worker processes as well, and restore the setting afterwards."""
    if on:
        yield
        return
    before = os.environ.get(FILTER_VARIABLE)
    os.environ[FILTER_VARIABLE] = ""
    try:
        yield
    finally:
        if before is None:
            del os.environ[FILTER_VARIABLE]
        else:
            os.environ[FILTER_VARIABLE] = before


def _tolerate_narrow_encodings() -> None:
    """Let a terminal without Greek letters show escapes instead of ending the command."""
    for stream in (sys.stdout, sys.stderr):
        if getattr(stream, "errors", None) == "strict" and hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def _of_system(error: OSError) -> SIError:
    """The error of a file that nobody has caught, or of standard output, such as a full disk behind it."""
    from si_core.storage.atomic import storage_error

    if isinstance(error.filename, str | bytes):
        return storage_error(Path(os.fsdecode(error.filename)), error)
    reader_gone("stdout")
    return StorageError(error.strerror or str(error), where="standard output")


def _fail(error: BaseException, text: str, code: int, debug: bool) -> int:
    if getattr(error, "told", _of_every_process(error)) and not debug:
        return code  # another of the processes says it
    try:
        if debug:
            traceback.print_exception(error)
        notes = [shortened(note) for note in getattr(error, "__notes__", [])]
        said = "\n  ".join([f"si: {shortened(text, _LONGEST)}", *notes])
        print(error_text(said), file=sys.stderr, flush=True)
    except OSError:  # nobody reads that either; the code says what there is to say
        reader_gone("stderr")
    return code


def _of_every_process(error: BaseException) -> bool:
    """Whether the first process of this machine says the same: it has the same words, and they have not met yet.

    Devices are dealt out to processes, and one may lack its own.
    """
    others = os.environ.get("LOCAL_RANK", "0") != "0" and os.environ.get("WORLD_SIZE", "1") != "1"
    return others and isinstance(error, UsageError) and error.where != "--device"


if __name__ == "__main__":
    sys.exit(main())
