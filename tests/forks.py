"""A process that imports once, and does the same thing in a fork of its own for each folder that it is told."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path


class Forks:
    """Start a program and talk with it.

    The program prints the key of the run that it makes. Then, for each folder that it reads, it prints the number of
    the process that makes the run there, and the exit status of this.
    """

    def __init__(self, program, root, *arguments):
        self.process = subprocess.Popen(
            [sys.executable, "-c", program, *map(str, arguments)],
            cwd=root,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.key = self._line()

    def call(self, folder, moment=None, sent=signal.SIGKILL):
        """Make the run below a folder; returns the exit status.

        ``moment`` gets the folder of the run and returns when the signal shall be sent.
        """
        self.process.stdin.write(f"{folder}\n")
        self.process.stdin.flush()
        pid = int(self._line())
        if moment is not None:
            moment(Path(folder) / self.key)
            with contextlib.suppress(ProcessLookupError):  # it has ended already
                os.kill(pid, sent)
        return int(self._line())

    def _line(self):
        line = self.process.stdout.readline().strip()
        assert line, "the program has ended"
        return line

    def end(self):
        self.process.stdin.close()
        self.process.wait(timeout=60)
        self.process.stdout.close()
