"""Opens every page of the built site in a browser, at the width of a desktop and of a phone.

Named are: elements wider than the page, text that its box cuts off, boxes that scroll without a
hint, missing images, errors in the console, and requests to other machines.

    python docs/look_at_pages.py [--pictures FOLDER] [PAGE ...]
"""

from __future__ import annotations

import argparse
import functools
import http.server
import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

BUILT = Path(__file__).parent / "_build" / "html"
WIDTHS = {"desktop": (1400, 900), "phone": (390, 844)}

# What a reader could not read: an element is judged by its own box, and by the page's.
FIND_FAULTS = """
() => {
  const found = [];
  const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") +
    (typeof e.className === "string" && e.className.trim()
      ? "." + e.className.trim().split(/\\s+/).slice(0, 2).join(".") : "") +
    " " + JSON.stringify((e.innerText || "").trim().slice(0, 40));
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth + 1)
    found.push(`the page is ${page.scrollWidth} of ${page.clientWidth} px wide`);
  const inside = (e) => {           // whether a box around it scrolls or cuts it
    for (let p = e.parentElement; p && p !== document.body; p = p.parentElement)
      if (getComputedStyle(p).overflowX !== "visible") return true;
    return false;
  };
  for (const e of document.body.querySelectorAll("*")) {
    const box = e.getBoundingClientRect(), style = getComputedStyle(e);
    if (!box.width || !box.height || style.visibility === "hidden" || e.closest("svg, dialog"))
      continue;
    if (e.clientWidth <= 1) continue;                                  // for screen readers only
    const cuts = ["hidden", "clip"].includes(style.overflowX);
    if (style.textOverflow !== "ellipsis" && style.display !== "inline" &&
        e.scrollWidth > e.clientWidth + 1) {
      const wide = `${e.scrollWidth} of ${e.clientWidth} px: ${name(e)}`;
      if (cuts) found.push(`cut off, ${wide}`);
      else if (style.overflowX !== "visible") {
        const hint = style.backgroundImage !== "none" || e.offsetHeight > e.clientHeight + 4;
        if (!hint) found.push(`scrolls without a hint, ${wide}`);
      } else if (/^(H[1-6]|DT|TD|TH|P|LI)$/.test(e.tagName)) found.push(`out of its box, ${wide}`);
    }
    if (box.right > page.clientWidth + 1 && box.left < page.clientWidth && !inside(e) &&
        style.position !== "fixed")
      found.push(`ends at ${Math.round(box.right)} of ${page.clientWidth} px: ${name(e)}`);
    if (e.tagName === "IMG" && e.loading !== "lazy" && !e.naturalWidth)
      found.push(`image is missing: ${e.src}`);
  }
  return found;
}
"""


class QuietServer(http.server.ThreadingHTTPServer):
    """Lets a browser hang up."""

    def handle_error(self, *args: object) -> None:
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(*args)


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    """Serves the site and says nothing."""

    def log_message(self, *args: object) -> None:
        pass


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """The address of a server of the folder, on this machine alone."""
    handler = functools.partial(QuietHandler, directory=str(folder))
    server = QuietServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@contextmanager
def browser() -> Iterator[Browser]:
    """Chromium without a window, as it is installed."""
    path = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    if path is None:
        sys.exit("Chromium is needed to look at the pages: install the package chromium.")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=path, args=["--no-sandbox"])
        try:
            yield opened
        finally:
            opened.close()


def listened_to(page: Page, site: str) -> list[str]:
    """A list to which the page's own complaints are added."""
    heard: list[str] = []
    page.on("console", lambda said: said.type == "error" and heard.append(f"console: {said.text}"))
    page.on("pageerror", lambda error: heard.append(f"script: {error}"))
    page.on("response", lambda got: got.status >= 400 and heard.append(f"{got.status}: {got.url}"))
    page.on(
        "request",
        lambda asked: (
            asked.url.startswith(("http:", "https:"))
            and not asked.url.startswith(site)
            and heard.append(f"asks another machine: {asked.url}")
        ),
    )
    return heard


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("pages", nargs="*", help="pages such as guide/targets.html; all by default")
    parser.add_argument("--pictures", type=Path, help="folder for a picture of each page")
    options = parser.parse_args()
    built = (path.relative_to(BUILT).as_posix() for path in BUILT.rglob("*.html"))
    pages = options.pages or sorted(name for name in built if not name.startswith("_"))
    if not pages:
        sys.exit(f"There is no page in {BUILT}: make docs builds them.")
    n_faults = 0
    with served(BUILT) as site, browser() as opened:
        for width, (x, y) in WIDTHS.items():
            context = opened.new_context(viewport={"width": x, "height": y}, is_mobile=x < 500)
            page = context.new_page()  # one for all: what they share is read once
            heard = listened_to(page, site)
            for name in pages:
                heard.clear()
                page.goto(f"{site}/{name}", wait_until="load")
                for fault in [*heard, *page.evaluate(FIND_FAULTS)]:
                    n_faults += 1
                    print(f"{name} ({width}): {fault}")
                if options.pictures:
                    path = options.pictures / f"{name.replace('/', '-')}-{width}.png"
                    page.screenshot(path=path, full_page=True)
            context.close()
    print(f"{len(pages)} pages at {len(WIDTHS)} widths: {n_faults} faults")
    return int(n_faults > 0)


if __name__ == "__main__":
    sys.exit(main())
