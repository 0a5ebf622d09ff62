"""Memory: what is there, and whether a table can be read with it, asked before it is read."""

from __future__ import annotations

from pathlib import Path

from valign.model.errors import InputError

MEMORY = Path("/proc/meminfo")
SHARE = 0.8  # of the memory available that may be filled
READING = 36.0  # bytes of memory for each byte of a table while it is read (measured with ten million ties)


def available() -> float | None:
    """Bytes of memory available; None where the system does not say."""
    try:
        lines = MEMORY.read_text().splitlines()
    except OSError:
        return None
    kilobytes = [line.split()[1] for line in lines if line.startswith("MemAvailable:")]
    return 1024.0 * float(kilobytes[0]) if kilobytes else None


def room_to_read(file: Path) -> None:
    """Raises InputError where a table would not fit into memory; a file that cannot be seen is left to its reader."""
    left = available()
    try:
        size = file.stat().st_size
    except (OSError, ValueError):
        return
    if left is not None and READING * size > SHARE * left:
        raise InputError(
            [
                f"{file}: to read its {size / 1e6:,.0f} MB would take about {READING * size / 1e9:.1f} GB of memory, "
                f"and {left / 1e9:.1f} GB are available: take a sample of whole communities, or a machine with more"
            ]
        )
