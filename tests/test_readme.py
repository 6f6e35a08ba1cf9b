"""What the README says can be typed."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"


def commands(word):
    """Lines of its shell blocks that begin with a word."""
    blocks = re.findall(r"^```bash\n(.*?)^```", README.read_text(encoding="utf-8"), re.M | re.S)
    return [line for block in blocks for line in block.splitlines() if line.startswith(word)]


def test_a_recording_goes_from_simulation_to_report_line_by_line(tmp_path):
    lines = [shlex.split(line) for line in commands("mpicore ")]
    expected = ["simulate", "simulate", "info", "check", "denoise", "reconstruct", "report"]
    assert [line[1] for line in lines] == expected
    told = {}
    for line in lines:
        done = subprocess.run(
            [Path(sys.executable).with_name("mpicore"), *line[1:]], cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        told[line[1]] = done.stdout
        if "-o" in line:
            assert (tmp_path / line[line.index("-o") + 1]).stat().st_size > 10_000
    assert "No deviations from MDF" in told["info"]
    gains = [float(gain) for gain in re.findall(r"\+([\d.]+) dB over a period", told["denoise"])]
    assert len(gains) == 3 and min(gains) > 12
