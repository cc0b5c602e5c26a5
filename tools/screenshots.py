"""Pictures of `ipvsfast top` for the documents: a real run beside real traffic, two sizes of the screen.

python -m tests.vm -- python tools/traffic.py python tools/screenshots.py docs/images
"""

from __future__ import annotations

import asyncio
import re
import sys
from pathlib import Path

from ipvsfast import Ipvs
from ipvsfast.listing.chosen_rows import RowChooser
from ipvsfast.live.app import LiveApp
from ipvsfast.model.table_filter import TableFilter
from ipvsfast.screen.live_screen import LiveScreen

# Size, seconds to wait, and keys that are pressed before the picture is taken.
PICTURES = {
    "top-80x24": ((80, 24), 50, ["down"]),
    "top-200x60": ((200, 60), 165, ["tab", "right", "right", "right", "right", "down", "down"]),
}
_FONTS = "'DejaVu Sans Mono', Menlo, Consolas, 'Liberation Mono', monospace"


async def picture(size: tuple[int, int], seconds: float, keys: list[str]) -> str:
    """The screen as SVG."""
    with Ipvs() as ipvs:
        screen = LiveScreen(
            RowChooser(TableFilter()), interval=1, sort="connections", upwards=False, destinations=False,
            limit=0,
        )  # fmt: skip
        app = LiveApp(screen, ipvs.poller().poll)
        async with app.run_test(size=size) as pilot:
            await pilot.press(*keys)
            await asyncio.sleep(seconds)
            await pilot.pause()
            return app.export_screenshot(title="ipvsfast top")


def with_usual_fonts(svg: str) -> str:
    """The picture without the fonts that it would have from elsewhere."""
    svg = re.sub(r"\s*@font-face \{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family: [^;]*;", f"font-family: {_FONTS};", svg)
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)  # leading blanks, for some programs
    return re.sub(r"terminal-\d+", "terminal", svg)


def main(folder: str) -> None:
    """Writes all pictures into a folder."""
    for name, (size, seconds, keys) in PICTURES.items():
        svg = with_usual_fonts(asyncio.run(picture(size, seconds, keys)))
        Path(folder, f"{name}.svg").write_text("\n".join(line.rstrip() for line in svg.splitlines()) + "\n")
        print(f"{name}.svg")


if __name__ == "__main__":
    main(sys.argv[1])
