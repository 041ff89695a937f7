"""Progress on a terminal."""


class Bar:
    """A bar for each of some shares, on a terminal; nothing elsewhere."""

    def __init__(self, *names: str) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

        console = Console(stderr=True)
        columns = (TextColumn("{task.description}"), BarColumn(), TaskProgressColumn(), TimeRemainingColumn())
        self._progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self._tasks = [self._progress.add_task(name, total=1.0) for name in names]

    def __enter__(self) -> "Bar":
        self._progress.start()
        return self

    def __call__(self, *shares: float) -> None:
        for task, share in zip(self._tasks, shares, strict=True):
            self._progress.update(task, completed=share)

    def __exit__(self, *_: object) -> None:
        self._progress.stop()
