"""Linked brushing of a million customers over eleven charts: from the hand to what is on the screen.

custlens counts once when a chart is touched (a cube of its pieces by all bars of the others, sent to the browser), and each
move of the brush is then a subtraction in the browser. The peer is the usual way: each move asks DuckDB for the
counts of the ten other charts. Its table holds the finished bar numbers in memory, so it only filters and counts.

The browser is Chromium. The page hosts the widget's own front end; what it sends reaches the Explorer in this process as in a
notebook. Real mouse moves brush a chart; of each frame the time in JavaScript and the time to the next frame are kept.

    python -m bench.explorer [ROWS]       default: 1000000
"""

from __future__ import annotations

import base64
import json
import shutil
import sys
import time
from collections.abc import Callable
from typing import Any

import duckdb
import numpy as np
import pandas as pd
from playwright.sync_api import Page, sync_playwright

import custlens as cl
from bench.analysis import shop

URL = "http://127.0.0.1/explorer"
HOST = """<!doctype html><meta charset="utf-8"><style>%(css)s</style><main><div id="host"></div></main>
<script type="module">
const module = await import(URL.createObjectURL(new Blob([%(esm)s], { type: "text/javascript" })));
const hear = new Set();
const view = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
const model = {
  async send(message) {
    for (const [content, buffers] of await toKernel(message)) for (const each of hear) each(content, buffers.map(view));
  },
  get() {},
  on(_, each) { hear.add(each); },
  off(_, each) { hear.delete(each); },
};
window.frames_ = [];
const ask = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (draw) => ask((now) => {
  const started = performance.now();
  draw(now);
  document.body.offsetHeight; // layout belongs to the frame
  const script = performance.now() - started;
  ask((next) => window.frames_.push([script, next - now]));
});
module.default.render({ model, el: document.getElementById("host") });
</script>"""


def customers(rows: int) -> pd.DataFrame:
    """Return customers with all columns that the Explorer charts."""
    random = np.random.default_rng(2)

    def names(values: list[str | None], shares: list[float]) -> pd.Categorical:
        return pd.Categorical(random.choice(np.array(values, object), rows, p=shares))

    return shop(rows).assign(
        customer_group_name=names(["General", "Club", "Wholesale", None], [0.7, 0.15, 0.05, 0.1]),
        b2b_b2c=names(["b2c", "b2b"], [0.9, 0.1]),
        lang=names(["en", "de", "it", "fr", None], [0.5, 0.2, 0.1, 0.1, 0.1]),
    )


def p95(values: list[float]) -> float:
    """Return the 95th percentile."""
    return float(np.percentile(values, 95))


def milliseconds(work: Callable[[], Any]) -> float:
    """Return how long a call takes."""
    started = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - started)


def charts(explorer: cl.widgets.Explorer) -> list[str]:
    """Return the columns of the charts."""
    return [chart["name"] for chart in explorer.told["charts"][0]["charts"]]


def touches(explorer: cl.widgets.Explorer) -> tuple[list[float], list[int]]:
    """Touch every chart ten times, without a filter and with two: return milliseconds and bytes."""
    took, sizes = [], []
    explorer.send = lambda _content, buffers=None: sizes.append(sum(map(len, buffers or [])))
    for filters in ({}, {"sales_value": (20, 500), "lang": ["de", None]}):
        explorer.filters = filters
        for measure in ("customers", "sales"):
            explorer._on_measure(measure)
            took += [milliseconds(lambda n=name: explorer._on_touch(n)) for name in charts(explorer) for _ in range(5)]
    del explorer.send
    explorer._on_measure("customers")
    explorer.clear()
    return took, sizes


def moves_by_duckdb(explorer: cl.widgets.Explorer) -> list[float]:
    """Brush two charts as DuckDB would: return the milliseconds of each move."""
    dimensions = explorer._cross.dimensions
    frame = pd.DataFrame({f"{name}_bar": dimension.bars for name, dimension in dimensions.items()})
    frame["sales_value"] = explorer.customers["sales_value"].to_numpy()
    frame["first"] = dimensions["first_order_date"].codes
    connection = duckdb.connect()
    connection.execute("CREATE TABLE t AS SELECT * FROM frame")
    took = []
    for column, ends in (("sales_value", np.geomspace(10, 500, 10)), ("first", np.arange(10, 60, 5))):
        for end in ends.tolist():
            where = f"{column} >= {end} AND {column} < {end * 3}"

            def move(where: str = where) -> None:
                for name in dimensions:
                    connection.sql(f"SELECT {name}_bar, count(*) FROM t WHERE {where} GROUP BY 1").fetchall()  # noqa: S608

            took.append(milliseconds(move))
    return took


def host(page: Page, explorer: cl.widgets.Explorer) -> None:
    """Open the Explorer's front end in a page."""
    sent: list[Any] = []

    def answer(message: dict[str, Any]) -> list[Any]:
        sent.clear()
        explorer._handle_custom_msg(message, [])
        return list(sent)

    def send(content: dict[str, Any], buffers: list[bytes] | None = None) -> None:
        sent.append([content, [base64.b64encode(each).decode() for each in buffers or []]])

    explorer.send = send
    page.expose_function("toKernel", answer)
    html = HOST % {"css": explorer._css, "esm": json.dumps(explorer._esm).replace("</", "<\\/")}
    page.route(URL, lambda route: route.fulfill(body=html, content_type="text/html"))
    page.goto(URL)
    page.get_by_text("customers (100%)").wait_for(timeout=60_000)


def brush(page: Page, title: str) -> list[list[float]]:
    """Brush a chart by 200 moves of the mouse; return of each frame the milliseconds in JavaScript and to the next frame."""
    plot = page.get_by_role("group", name=title, exact=True).locator(".cl-plot")
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    assert box is not None
    y = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + 0.3 * box["width"], y)
    page.wait_for_timeout(2000)  # the cube comes
    page.mouse.down()
    page.evaluate("window.frames_ = []")
    for step in range(200):
        page.mouse.move(box["x"] + (0.3 + 0.6 * abs(np.sin(step / 20))) * box["width"], y)
    found: list[list[float]] = page.evaluate("window.frames_")
    page.mouse.up()
    page.wait_for_timeout(1000)
    return found


def main() -> None:
    """Measure, and print."""
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    table = customers(rows)
    started = time.perf_counter()
    explorer = cl.widgets.Explorer(table)
    print(f"{rows:,} customers, {len(charts(explorer))} charts; built in {time.perf_counter() - started:.1f} s")
    took, sizes = touches(explorer)
    print(
        f"a chart is touched: p50 {np.median(took):.0f} ms, p95 {p95(took):.0f} ms, at most {max(sizes) / 1e6:.2f} MB sent"
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu", "--disable-quic"]
        )
        page = browser.new_page(viewport={"width": 1280, "height": 1400})
        host(page, explorer)
        frames = [frame for title in ("Sales value", "First order") for frame in brush(page, title)]
        browser.close()
    script, between = zip(*frames, strict=True)
    print(f"a frame while brushing: p95 {p95(list(script)):.1f} ms of script and layout ({len(frames)} frames)")
    print(f"  to the next frame: p50 {np.median(between):.1f} ms, p95 {p95(list(between)):.1f} ms")
    moves = moves_by_duckdb(explorer)
    print(f"DuckDB, a query per chart and move: p50 {np.median(moves):.0f} ms, p95 {p95(moves):.0f} ms")
    ratio = p95(moves) / p95(list(script))
    print(f"The counts of DuckDB alone take {ratio:.1f} times as long as a frame with its drawing (p95)")


if __name__ == "__main__":
    main()
