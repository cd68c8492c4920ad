"""What people see while a large file is read: a bar on a terminal, nothing elsewhere."""

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from seqtrain.data.text import Watch


@contextlib.contextmanager
def reading(files: Sequence[Path]) -> Iterator[Watch | None]:
    """Show how much of files has been read; yield what is to be told of each further piece, if there is a terminal."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield None
        return
    columns = TextColumn("{task.description}"), BarColumn(bar_width=None), DownloadColumn(), TimeRemainingColumn()
    with Progress(*columns, console=console, transient=True, expand=True) as progress:
        names = ", ".join(file.name for file in files)
        bar = progress.add_task(f"encoding {names}", total=sum(file.stat().st_size for file in files))
        yield lambda num_bytes: progress.advance(bar, num_bytes)
