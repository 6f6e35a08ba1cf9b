"""The commands: ``mpicore COMMAND --help``. Each is a file of this folder with a click command named ``command``.

A new file is found by itself; one whose name starts with ``_`` is none. A command raises what the library raises: what
a user can mend comes as one line on the error output, with the exit status 1. A wrong option has the status 2, an
interrupted command 130.
"""

import pkgutil
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import click

import mpicore


class _Commands(click.Group):
    """The commands of this folder, each imported when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(module.name for module in pkgutil.iter_modules(__path__) if not module.name.startswith("_"))

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        found: click.Command = import_module(f"{__name__}.{cmd_name}").command
        return found


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(mpicore.__version__, prog_name="mpicore")
def group() -> None:
    """Recordings of magnetic particle imaging (MDF 2.1): looked into, checked, denoised without clean data."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    try:
        found: Any = group.main(arguments, prog_name="mpicore", standalone_mode=False)
        return found if isinstance(found, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        return _told("interrupted", 130)
    except BrokenPipeError:  # the reader of the output has gone
        sys.stdout = None
        return 0
    except MemoryError as error:
        return _told(f"not enough memory: {error}")
    except (ValueError, OSError, FloatingPointError) as error:
        return _told(str(error))


def _told(text: str, status: int = 1) -> int:
    click.echo(f"error: {' '.join(text.split())}", err=True)
    return status
