"""Found by every Python process of a recorded build: writes the names of the files that a job opens, one file per job.

A job is a command of the companion other than ``build``, with all that it starts, such as the kernel of a notebook.
"""

import os
import sys

_folder = os.environ.get("OPENED_FILES", "")
_words = sys.orig_argv
if _folder and "JOB" not in os.environ and "companion" in _words and "build" not in _words:
    os.environ["JOB"] = f"{os.getpid()}"
    with open(os.path.join(_folder, f"{os.getpid()}.command"), "w") as _stream:
        _stream.write("\0".join(_words))
if _folder and "JOB" in os.environ:
    _log = os.open(os.path.join(_folder, f"{os.environ['JOB']}.opened"), os.O_WRONLY | os.O_APPEND | os.O_CREAT)

    def _record(event: str, arguments: tuple) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes)):
            path = os.path.abspath(os.fsdecode(arguments[0]))
            writes = isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR)
            if not writes and path.startswith(os.path.dirname(_folder)):
                os.write(_log, f"{path}\n".encode())

    sys.addaudithook(_record)
