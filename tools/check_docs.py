"""Look at the built documentation as a reader does, in headless Chromium.

    python tools/check_docs.py docs/_build/html

At 1400 and 400 pixels, light and dark, no page may have an error on its console, a picture that
is missing or empty, a table or line of code that is cut off, or ask the network for anything; and
the search must find what users look for. Without ``chromium`` and ``chromedriver`` only the files
are checked: links to files, pictures, addresses of other hosts, words of the search index.
"""

from __future__ import annotations

import functools
import http.server
import json
import re
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

WIDTHS = (1400, 400)
THEMES = ("light", "dark")
# What users look for, and the stem by which the index of the search has it.
SEARCHES = {
    "GPU": "gpu",
    "resume": "resum",
    "images": "imag",
    "text": "text",
    "cleanlab": "cleanlab",
    "checkpoint": "checkpoint",
}
# Tags that fetch what they name; a link only does when it is followed.
FETCHED = {"img": "src", "script": "src", "link": "href", "iframe": "src", "source": "src"}

FAULTS = """
const faults = [];
const shown = e => e.offsetParent !== null;
for (const img of document.querySelectorAll("main img"))
    if (shown(img) && (!img.complete || !img.naturalWidth || img.clientWidth < 20))
        faults.push("picture: " + img.getAttribute("src"));
if (document.documentElement.scrollWidth > window.innerWidth + 1)
    faults.push("the page is wider than the window: " + document.documentElement.scrollWidth);
const scrolls = e => {
    for (; e && e.tagName !== "MAIN"; e = e.parentElement)
        if (["auto", "scroll"].includes(getComputedStyle(e).overflowX)) return e;
    return null;
};
const wide = "main table, main pre, main svg.formula, main .chart img";
for (const e of document.querySelectorAll(wide)) {
    if (!shown(e) && e.tagName !== "svg") continue;
    const box = scrolls(e);
    const right = e.getBoundingClientRect().right;
    if (!box && right > window.innerWidth + 1)
        faults.push(e.tagName + " is cut off: " + e.textContent.trim().slice(0, 40));
    const roomy = window.innerWidth > 1000 && e.tagName === "PRE";
    if (roomy && box && box.scrollWidth > box.clientWidth + 1)
        faults.push("a line of code does not fit: " + e.textContent.trim().slice(0, 40));
}
return faults;
"""


def main(folder: Path) -> int:
    """Check a folder of built pages; return the exit status."""
    pages = sorted(p for p in folder.rglob("*.html") if "_static" not in p.parts)
    if not pages:
        sys.exit(f"{folder} has no pages: run `make docs` first.")
    faults = [f for page in pages for f in faults_of_file(page, folder)]
    faults += faults_of_search_index(folder)
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser and shutil.which("chromedriver"):
        faults += faults_in_browser(pages, folder, browser)
        how = f"in {browser}, at {' and '.join(map(str, WIDTHS))} pixels, {' and '.join(THEMES)}"
    else:
        how = "by their files only: there is no chromium and chromedriver"
    print("\n".join(faults))
    print(f"{len(pages)} pages checked {how}: {len(faults)} faults")
    return bool(faults)


class Fetched(HTMLParser):
    """Collect what a page fetches when it is opened, and the images without a text."""

    def __init__(self) -> None:
        super().__init__()
        self.addresses: list[str] = []
        self.without_text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the address of a tag."""
        known = dict(attrs)
        if tag == "link" and known.get("rel") not in ("stylesheet", "preload", "icon"):
            return
        address = known.get(FETCHED.get(tag, ""))
        if address and not address.startswith("data:"):
            self.addresses.append(address)
        if tag == "img" and "alt" not in known:
            self.without_text.append(known.get("src") or "")


def faults_of_file(page: Path, folder: Path) -> Iterator[str]:
    """Yield what can be told from the file of a page alone."""
    name = page.relative_to(folder)
    text = page.read_text()
    fetched = Fetched()
    fetched.feed(text)
    for address in fetched.addresses:
        parts = urlsplit(address)
        if parts.scheme or parts.netloc:
            yield f"{name}: fetches {address}"
            continue
        path = (page.parent / unquote(parts.path)).resolve()
        if not path.is_file() or path.stat().st_size < 50:
            yield f"{name}: {address} is missing or empty"
    yield from (f"{name}: no text for the picture {src}" for src in fetched.without_text)
    if re.search(r'class="[^"]*problematic|System Message', text):
        yield f"{name}: an error of the build is on the page"


def faults_of_search_index(folder: Path) -> Iterator[str]:
    """Yield the words that the search cannot find; it knows them by their stem."""
    index = (folder / "searchindex.js").read_text()
    for word, stem in SEARCHES.items():
        if not re.search(rf'[{{,]"?{stem}"?:', index):
            yield f"search: {word} is not in the index"


def faults_in_browser(pages: list[Path], folder: Path, browser: str) -> Iterator[str]:
    """Open every page at every width and in both themes."""
    with served(folder) as address, driven(browser) as session:
        for width in WIDTHS:
            session("window/rect", {"width": width, "height": 900})
            for theme in THEMES:
                for page in pages:
                    name = page.relative_to(folder).as_posix()
                    session("url", {"url": f"{address}/{name}"})
                    for setting in ("theme", "mode"):
                        run(session, f"document.documentElement.dataset.{setting} = '{theme}'")
                    # Pictures below the fold are loaded when they are scrolled to.
                    run(session, "document.querySelectorAll('img').forEach(i => i.loading='eager')")
                    run(session, "return Promise.all([...document.images].map("
                        "i => i.decode().catch(() => 0))).then(() => 1)")  # fmt: skip
                    for fault in [*run(session, FAULTS), *console(session)]:
                        yield f"{name} at {width}, {theme}: {fault}"
        for word in SEARCHES:
            session("url", {"url": f"{address}/search.html?q={word}"})
            if not wait_for(
                session, "return document.querySelectorAll('#search-results li').length"
            ):
                yield f"search: {word} finds nothing"


def run(session: Any, script: str) -> Any:
    """Run a script on the open page."""
    return session("execute/sync", {"script": script, "args": []})


def console(session: Any) -> list[str]:
    """Return the errors on the console since the last call."""
    entries = session("se/log", {"type": "browser"})
    return [e["message"] for e in entries if e["level"] == "SEVERE"]


def wait_for(session: Any, script: str, seconds: float = 10) -> Any:
    """Run a script until what it returns is true."""
    end = time.monotonic() + seconds
    while not (found := run(session, script)) and time.monotonic() < end:
        time.sleep(0.2)
    return found


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Serve a folder on this machine, as search and fonts need it."""

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args: Any) -> None:
            """Print nothing."""

    handler = functools.partial(Quiet, directory=str(folder))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()


@contextmanager
def driven(browser: str) -> Iterator[Any]:
    """Start a browser through chromedriver; yields a function that sends it a command."""
    driver = subprocess.Popen(
        ["chromedriver", "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert driver.stdout is not None
    started = re.compile(r"successfully on port (\d+)")
    port = next(match[1] for line in driver.stdout if (match := started.search(line)))
    base = f"http://127.0.0.1:{port}/session"
    arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                 "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"]  # fmt: skip
    wanted = {
        "browserName": "chrome",
        "goog:chromeOptions": {"binary": browser, "args": arguments},
        "goog:loggingPrefs": {"browser": "ALL"},
    }
    try:
        found = post(base, {"capabilities": {"alwaysMatch": wanted}})
        here = f"{base}/{found['sessionId']}"
        yield lambda command, data: post(f"{here}/{command}", data)
        urllib.request.urlopen(urllib.request.Request(here, method="DELETE"))
    finally:
        driver.terminate()
        driver.wait()


def post(address: str, data: dict[str, Any]) -> Any:
    """Send a command of WebDriver."""
    request = urllib.request.Request(
        address, json.dumps(data).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["value"]


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "docs/_build/html")))
