"""The program around the widget: it asks for readings, in a thread, and ends in an orderly way."""

from __future__ import annotations

import asyncio
import gc
import time
from typing import ClassVar

from textual.app import App

from ..errors import IpvsError, IpvsUnavailable
from ..stats.poller import next_deadline
from ..stats.window import RateWindow
from .canvas import Canvas
from .terminal import Guard

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from textual.app import ComposeResult

    from ..screen.live_screen import LiveScreen
    from ..stats.snapshot import Snapshot


class LiveApp(App[None]):
    """Shows a LiveScreen. poll: gives a snapshot; it is called in a thread. repeat: ends after so many
    readings; 0: when somebody wants it to. `failure`: the exception that ended it."""

    CSS: ClassVar[str] = "Screen { background: ansi_default; color: ansi_default; overflow: hidden hidden; }"
    ENABLE_COMMAND_PALETTE: ClassVar[bool] = False

    def __init__(self, live_screen: LiveScreen, poll: Callable[[], Snapshot], repeat: int = 0) -> None:
        super().__init__(ansi_color=True)
        self.live_screen: LiveScreen = live_screen
        self.failure: BaseException | None = None
        self.canvas: Canvas = Canvas(live_screen, self._changed)
        self._poll, self._repeat = poll, repeat
        self._window = RateWindow()
        self._frozen = False
        self._interval = live_screen.interval
        self._other_interval = asyncio.Event()
        self._reader: asyncio.Task[None] | None = None

    def compose(self) -> ComposeResult:
        """The widget."""
        yield self.canvas

    def on_mount(self) -> None:
        """Begin to read."""
        self.canvas.focus()
        self._reader = asyncio.create_task(self._read())

    async def on_unmount(self) -> None:
        """No reading is begun any more."""
        if self._reader is not None:
            self._reader.cancel()

    def _changed(self) -> None:
        if self.live_screen.done:
            self.exit()
            return
        if self.live_screen.interval != self._interval:
            self._interval = self.live_screen.interval
            self._other_interval.set()
        self.canvas.redraw()

    async def _read(self) -> None:
        try:
            await self._read_on()
        except asyncio.CancelledError:
            raise
        except BaseException as error:
            self.failure = error
            self.exit()

    async def _read_on(self) -> None:
        """A reading at each deadline, which are multiples of the interval."""
        start, number, readings = time.monotonic(), 0, 0
        while True:
            await self._read_once()
            readings += 1
            if readings == self._repeat:
                self.exit()
                return
            if self._other_interval.is_set():
                self._other_interval.clear()
                start, number = time.monotonic(), 0
            number = next_deadline(start, self._interval, number, time.monotonic())
            wait = max(0.0, start + number * self._interval - time.monotonic())
            try:
                await asyncio.wait_for(self._other_interval.wait(), wait)
            except (TimeoutError, asyncio.TimeoutError):
                pass

    async def _read_once(self) -> None:
        try:
            snapshot = await asyncio.to_thread(self._poll)
        except IpvsUnavailable as error:
            self._window.forget()
            self.live_screen.away(f"no IPVS; going on when it is there again ({error})")
        else:
            self.live_screen.show(self._window.add(snapshot))
            if not self._frozen:
                # The keys of a large table would be looked at again and again for nothing. Only once: what is
                # garbage at this moment stays.
                self._frozen = True
                self.canvas.redraw()
                gc.collect()
                gc.freeze()
        self.canvas.redraw()


def run_live(live_screen: LiveScreen, poll: Callable[[], Snapshot], repeat: int = 0) -> None:
    """Shows it until it ends. The terminal is as it was afterwards; a signal that ended it does so then.
    IpvsError: what a reading failed with."""
    with Guard() as guard:
        app = LiveApp(live_screen, poll, repeat)
        guard.ends(app.exit)
        app.run()
    if isinstance(app.failure, IpvsError):
        raise app.failure
    if app.failure is not None:
        raise RuntimeError("the live screen failed") from app.failure
