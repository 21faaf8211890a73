// Linked charts. Python cuts every column into pieces and counts; this file draws, and moves the brush.
//
// Python sends
//   charts     what the charts are: the names of bars and pieces, and the bars of all customers;
//   selection  what is chosen, and the bars of each chart as the filters of all other charts leave them;
//   cube       for one chart, running sums over its pieces of every other chart's bars: row k is the sum of the pieces
//              before piece k, so that the customers of pieces a to b are row b + 1 minus row a. A brush needs no more;
//   rows       the page of rows.
// It receives touch (send the cube of this chart), choose (these pieces), clear, measure, scale and rows.
//
// Piece 0 and bar 0 of a chart are its missing values.

const GRIP = { mouse: 7, pen: 10, touch: 18 }; // px on either side of an end of the brush that take hold of it
const REST = 250; // ms without a key after which a brush that is moved by keys is told to Python
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });
const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const short = (count) => (Math.abs(count) < 1e6 ? whole : compact).format(count);
const percent = new Intl.NumberFormat("en", { style: "percent", maximumFractionDigits: 0 });

export default panel("Explorer of customers", ({ root, send, status, signal }) => {
  let charts = []; // in the order of Python's lists of counts
  let measure = "customers";
  let shapes = false; // whether bars are shares of the selection, and outlines shares of all
  let total = [0, 0]; // customers and sales of all
  let totals = [0, 0]; // … and of the selection
  let unit = "";
  let code = "";
  let cube = null; // {chart, bars, columns, totals} of the chart in use
  let asked = null; // the chart whose cube has been asked for
  let frame = 0; // the animation frame that is waiting to draw
  let rows = null; // the last message of rows

  // The head: how much is chosen, and the switches.
  const words = element("p", { class: "cl-words" });
  const heard = element("p", { class: "cl-hidden", role: "status" }); // the same, once the brush rests
  const measures = choice("Bars show", { customers: "Customers", sales: "Sales" }, (value) => {
    cube = asked = null;
    send("measure", { measure: value });
  });
  const compare = element("input", { type: "checkbox" });
  const clearAll = element("button", { type: "button" }, "Clear all filters");
  const copy = element("button", { type: "button" }, "Copy as code");
  const pre = element("pre", { tabindex: "0", "aria-label": "Code of the selection" });
  const tools = element("div", { class: "cl-tools" }, measures,
    element("label", {}, compare, " Compare shapes"), clearAll, copy);
  const listing = element("details", {}, element("summary", {}, "Code of this selection"), pre);
  const [numbers, times] = ["cl-numbers", "cl-times"].map((kind) => element("div", { class: kind }));
  const names = element("div", { class: "cl-categories" });
  const grid = element("div", {}, element("div", { class: "cl-histograms" }, numbers, times), names);
  const note = element("p", { class: "cl-note" });
  const table = rowsTable((asking) => send("rows", asking));
  root.classList.add("cl-explorer");
  root.append(element("header", {}, words, heard, tools), status, grid, listing, note, table.element);

  compare.addEventListener("change", () => { shapes = compare.checked; drawAll(); });
  clearAll.addEventListener("click", () => { cube = asked = null; send("clear"); });
  copy.addEventListener("click", copyCode);
  signal.addEventListener("abort", () => cancelAnimationFrame(frame));
  const settle = debounced(() => {
    heard.textContent = words.textContent;
    for (const chart of charts) chart.settle();
  }, 400, signal);

  async function copyCode() {
    try {
      await navigator.clipboard.writeText(code);
      copy.textContent = "Copied";
      heard.textContent = "The code is copied: it chooses the same rows from the table customers.";
    } catch { // no permission, or no secure page: then the reader copies it
      listing.open = true;
      getSelection().selectAllChildren(pre);
      copy.textContent = "Press Ctrl-C to copy";
    }
    setTimeout(() => { copy.textContent = "Copy as code"; }, 2000);
  }

  // Ask for the cube of a chart, unless it is there or on its way.
  function touch(chart) {
    if (asked === chart.name) return;
    for (const other of charts) if (other !== chart) other.commit.now();
    asked = chart.name;
    send("touch", { chart: chart.name });
  }

  // A brush has moved: draw it in the next frame, with what it leaves of every other chart.
  function moved() {
    frame ||= requestAnimationFrame(() => { frame = 0; follow(); });
  }

  function follow() {
    const active = charts.find((chart) => chart.name === cube?.chart);
    if (active) {
      let place = 0;
      const runs = active.runs();
      for (const chart of charts) {
        if (chart === active) continue;
        for (let bar = 0; bar < chart.counts.length; bar++, place++) chart.counts[bar] = added(cube.bars, cube.columns, runs, place);
      }
      totals = [added(cube.totals, 2, runs, 0), added(cube.totals, 2, runs, 1)];
    }
    drawAll();
  }

  function drawAll() {
    for (const chart of charts) chart.draw();
    const money = unit ? ` ${unit}` : "";
    words.replaceChildren(
      element("b", {}, whole.format(totals[0])), ` of ${whole.format(total[0])} customers (${share(totals[0], total[0])}) · `,
      element("b", {}, whole.format(totals[1])), ` of ${whole.format(total[1])}${money} sales (${share(totals[1], total[1])})`);
    settle();
  }

  function amounts(chart, bar) {
    const [now, all] = [chart.counts[bar], chart.all[measure][bar]];
    const what = measure === "customers" ? "customers" : `${unit && `${unit} `}sales`;
    return `${whole.format(now)} of ${whole.format(all)} ${what}`;
  }

  const context = {
    touch, moved, signal,
    choose(chart) { send("choose", { chart: chart.name, pieces: chart.pieces() }); },
    scale(chart, axis) { cube = asked = null; send("scale", { chart: chart.name, axis }); },
    // Heights of bars from 0 to 1, of all customers and of the selection, and what the tallest one stands for. Of shapes
    // to compare, a bar is its share of all or of the selection.
    heights(chart, first) {
      const lists = [chart.all[measure], chart.counts].map((counts) => {
        const scale = shapes ? sum(counts) || 1 : 1;
        return Array.from(counts, (count) => Math.max(0, count / scale)); // sales below zero have no bar
      });
      const most = Math.max(0, ...lists[0].slice(first), ...(shapes ? lists[1].slice(first) : [])) || 1;
      const tallest = shapes ? percent.format(most) : short(most);
      return [...lists.map((list) => list.map((height) => height / most)), tallest];
    },
    // What a bar stands for, in words.
    tell: (chart, bar) => `${chart.bars[bar]}: ${amounts(chart, bar)}`,
    amounts,
  };

  return {
    charts(message) {
      [total, unit] = [message.total, message.currency ?? ""];
      note.textContent = message.note;
      cube = asked = null;
      const before = charts;
      charts = message.charts.map((spec, place) => {
        const all = { customers: message.whole.customers[place], sales: message.whole.sales[place] };
        const chart = before[place]?.name === spec.name ? before[place]
          : spec.kind === "range" ? histogram(spec, context) : categories(spec, context);
        chart.set(spec, all);
        return chart;
      });
      if (before.length !== charts.length) {
        message.charts.forEach(({ kind, axis }, place) => {
          (kind === "category" ? names : axis === "time" ? times : numbers).append(charts[place].element);
        });
        for (const part of [numbers, times]) part.hidden = !part.hasChildNodes();
      }
    },
    selection(message) {
      [measure, totals, code] = [message.measure, message.totals, message.code];
      measures.select(measure);
      pre.textContent = code;
      if (cube && cube.chart !== message.moved) {
        if (asked === cube.chart) asked = null;
        cube = null;
      }
      charts.forEach((chart, place) => {
        chart.counts = Float64Array.from(message.counts[place]);
        if (!chart.busy()) chart.show(message.chosen[chart.name]);
      });
      if (charts.some((chart) => chart.busy())) moved();
      else drawAll();
    },
    cube(message, [bars, sums]) {
      if (message.chart !== asked) return;
      const Counts = measure === "customers" ? Uint32Array : Float64Array;
      cube = { chart: message.chart, columns: message.columns, bars: typed(Counts, bars), totals: typed(Float64Array, sums) };
      if (charts.some((chart) => chart.busy())) moved();
    },
    rows: (message) => table.show(message),
  };
});

// Add up a column of running sums over runs of pieces.
function added(sums, columns, runs, column) {
  let found = 0;
  for (const [first, last] of runs) found += sums[(last + 1) * columns + column] - sums[first * columns + column];
  return found;
}

function typed(Kind, view) {
  return new Kind(view.buffer.slice(view.byteOffset, view.byteOffset + view.byteLength));
}

function sum(values) {
  let found = 0;
  for (const value of values) found += value;
  return found;
}

function share(part, all) {
  const found = all ? part / all : 0;
  return found > 0 && found < 0.005 ? "<1%" : percent.format(found);
}

// Set an attribute, or the text, if it is another than before: a frame while brushing changes only few of them.
const written = new WeakMap();
function write(node, name, value) {
  const before = written.get(node) ?? {};
  if (before[name] === value) return;
  written.set(node, Object.assign(before, { [name]: value }));
  if (name === "text") node.textContent = value;
  else node.setAttribute(name, value);
}

// Radio buttons that look like one switch.
function choice(label, options, changed) {
  const group = element("fieldset", { class: "cl-switch" }, element("legend", {}, label));
  const name = `cl-${Math.random()}`;
  const inputs = {};
  for (const [value, text] of Object.entries(options)) {
    inputs[value] = element("input", { type: "radio", name, value });
    inputs[value].addEventListener("change", () => changed(value));
    group.append(element("label", {}, inputs[value], element("span", {}, text)));
  }
  group.select = (value) => { inputs[value].checked = true; };
  return group;
}

// What both kinds of charts have: a title, a button that clears the filter, and a line of text. It says what the pointer
// is on, or what is chosen, and what the tallest bar stands for.
function frameOf(title) {
  const clear = element("button", { type: "button", class: "cl-clear", "aria-label": `Clear ${title}`, hidden: true }, "✕");
  const head = element("figcaption", {}, element("b", {}, title), clear);
  const [said, tallest] = [element("span"), element("span")];
  let chosen = "";
  return {
    clear, head, line: element("div", { class: "cl-line" }, said, tallest),
    point(text) { said.textContent = text || chosen; },
    update(words, most) {
      if (said.textContent === chosen) said.textContent = words;
      chosen = said.title = words;
      clear.hidden = !words;
      write(tallest, "text", most);
    },
  };
}

// Tell Python what is chosen once no key has come for a while, or now.
function later(act, signal) {
  let waiting = 0;
  const now = () => { if (waiting) { clearTimeout(waiting); waiting = 0; act(); } };
  signal.addEventListener("abort", () => clearTimeout(waiting));
  return { soon() { clearTimeout(waiting); waiting = setTimeout(now, REST); }, now, waiting: () => waiting !== 0 };
}

// A histogram with a brush. The brush lies between two of the ends of pieces: `range` holds their numbers.
function histogram({ name, title, axis }, { touch, moved, choose, scale, heights, tell, amounts, signal }) {
  const { clear, head, line, point, update } = frameOf(title);
  const [back, front] = [svg("cl-back"), svg("cl-front")];
  const [outline, rest] = [back.path("cl-outline"), back.path("cl-rest")];
  const fill = front.path("cl-fill");
  const brush = element("div", { class: "cl-brush", hidden: true });
  const handles = ["from", "to"].map((end) => element("div", {
    class: `cl-handle cl-${end}`, role: "slider", tabindex: "0", "aria-label": `${title}, ${end}`, "aria-valuemin": 0,
    "aria-description": "Arrow keys move this end, with Shift both ends; Page Up and Page Down move it further; Escape clears.",
  }));
  const plot = element("div", { class: "cl-plot" }, back.element, front.element, brush, ...handles);
  const ticks = element("div", { class: "cl-ticks", "aria-hidden": "true" });
  const missing = element("button", { type: "button", class: "cl-missing", "aria-pressed": "false" });
  const log = element("input", { type: "checkbox" });
  if (axis !== "time") head.insertBefore(element("label", { class: "cl-log" }, log, " log"), clear);
  const figure = element("figure", { class: "cl-chart", role: "group", "aria-label": title },
    head, line, plot, ticks, missing);

  let edges = []; // place of each end of a piece, from 0 to 1
  let texts = []; // … and its value
  let range = null;
  let onlyMissing = false;
  let drag = null;
  const last = () => edges.length - 1;
  const commit = later(() => choose(chart), signal);

  const chart = {
    name, element: figure, counts: new Float64Array(0), commit,
    set(spec, all) {
      texts = spec.edges;
      [chart.bars, chart.all] = [spec.bars, all];
      edges = placesOf(spec.bar_of, spec.bars.length - 1);
      if (chart.counts.length !== spec.bars.length) chart.counts = new Float64Array(spec.bars.length);
      log.checked = spec.axis === "log";
      ticks.replaceChildren(...spec.ticks.map(([place, text]) => {
        const left = place / (spec.bars.length - 1);
        const shift = left < 0.04 ? 0 : left > 0.96 ? -100 : -50; // a name at an end stays within the chart
        return element("span", { style: `left: ${100 * left}%; transform: translateX(${shift}%)` }, text);
      }));
      missing.hidden = all.customers[0] === 0;
      range = null;
    },
    show(filter) {
      onlyMissing = filter?.pieces[0] === 0;
      range = filter && !onlyMissing ? [filter.pieces[0] - 1, filter.pieces.at(-1)] : null;
    },
    chosen: () => range !== null || onlyMissing,
    busy: () => drag !== null || commit.waiting(),
    // What is chosen as runs of pieces, first and last.
    runs: () => (onlyMissing ? [[0, 0]] : range ? [[range[0] + 1, range[1]]] : [[0, last()]]),
    pieces: () => (onlyMissing ? [0] : range ? [range[0] + 1, range[1]] : []),
    draw() {
      const [all, now, tallest] = heights(chart, 1);
      write(outline, "d", steps(all.slice(1)));
      const bars = boxes(now.slice(1));
      write(rest, "d", bars);
      write(fill, "d", bars);
      const [from, to] = (range ?? [0, last()]).map((edge) => 100 * edges[edge]);
      front.element.style.clipPath = onlyMissing ? "inset(0 100% 0 0)" : `inset(0 ${100 - to}% 0 ${from}%)`;
      brush.hidden = range === null;
      brush.style.left = `${from}%`;
      brush.style.width = `${to - from}%`;
      handles[0].style.left = `${from}%`;
      handles[1].style.left = `${to}%`;
      figure.classList.toggle("cl-filtered", chart.chosen());
      update(onlyMissing ? "missing" : range ? between(range) : "", `tallest: ${tallest}`);
      write(missing, "text", `${amounts(chart, 0)} without a value`);
      write(missing, "aria-pressed", onlyMissing);
      (range ?? [0, last()]).forEach((edge, end) => {
        write(handles[end], "aria-valuemax", last());
        write(handles[end], "aria-valuenow", edge);
        write(handles[end], "aria-valuetext", texts[edge]);
      });
    },
    settle() {},
  };

  const between = ([from, to]) =>
    from === 0 && to === last() ? "known" : `${from ? `from ${texts[from]} ` : ""}${to < last() ? `${from ? "to " : ""}below ${texts[to]}` : ""}`;

  // Set the brush; one over the whole axis is none.
  function set(from, to) {
    range = from <= 0 && to >= last() ? null : [Math.max(0, from), Math.min(to, last())];
    onlyMissing = false;
    moved();
  }

  function drop() {
    range = null;
    onlyMissing = false;
    moved();
    choose(chart);
  }

  function nearest(place) {
    let [low, high] = [0, last()];
    while (high - low > 1) {
      const middle = (low + high) >> 1;
      if (edges[middle] <= place) low = middle;
      else high = middle;
    }
    return place - edges[low] < edges[high] - place ? low : high;
  }

  const at = (event) => {
    const box = plot.getBoundingClientRect();
    return Math.min(1, Math.max(0, (event.clientX - box.left) / box.width));
  };

  plot.addEventListener("pointerenter", () => { if (!drag) touch(chart); });
  plot.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    touch(chart);
    plot.setPointerCapture(event.pointerId);
    const [place, grip] = [at(event), (GRIP[event.pointerType] ?? 7) / plot.clientWidth];
    drag = { kind: "new", start: place, x: event.clientX, range };
    drag.onHandle = handles.includes(event.target) && brush.offsetWidth > 16; // the handles cover a narrow brush
    if (range) {
      const [from, to] = range.map((edge) => Math.abs(edges[edge] - place));
      if (Math.min(from, to) <= grip) drag.kind = from < to ? "from" : "to";
      else if (place > edges[range[0]] && place < edges[range[1]]) drag.kind = "move";
    }
  });
  plot.addEventListener("pointermove", (event) => {
    const place = at(event);
    if (!drag) {
      point(tell(chart, barAt(place)));
      return;
    }
    if (Math.abs(event.clientX - drag.x) > 3) drag.moved = true;
    if (!drag.moved) return;
    const edge = nearest(place);
    if (drag.kind === "new") {
      const start = nearest(drag.start);
      if (edge !== start) set(Math.min(start, edge), Math.max(start, edge));
    } else if (drag.kind === "from") {
      set(Math.min(edge, drag.range[1] - 1), drag.range[1]);
    } else if (drag.kind === "to") {
      set(drag.range[0], Math.max(edge, drag.range[0] + 1));
    } else {
      const width = edges[drag.range[1]] - edges[drag.range[0]];
      const from = Math.min(Math.max(edges[drag.range[0]] + place - drag.start, 0), 1 - width);
      const low = Math.min(nearest(from), last() - 1);
      set(low, Math.max(low + 1, nearest(edges[low] + width)));
    }
    point(range ? between(range) : "");
  });
  plot.addEventListener("pointerup", (event) => {
    if (!drag) return;
    const { moved: dragged, onHandle } = drag;
    drag = null;
    if (!dragged && chart.chosen()) { // a click removes the brush; one on a handle is for the keys
      if (!onHandle) drop();
    } else {
      if (!dragged) {
        const bar = barAt(at(event));
        const inside = edges.map((_, edge) => edge).filter((edge) => edge < last() && barOf(edge) === bar);
        set(inside[0], inside.at(-1) + 1);
      }
      choose(chart);
    }
  });
  plot.addEventListener("pointercancel", () => { if (drag) { range = drag.range; drag = null; moved(); } });
  plot.addEventListener("pointerleave", () => point(""));
  const barOf = (edge) => Math.min(chart.bars.length - 1, 1 + Math.floor(edges[edge] * (chart.bars.length - 1) + 1e-9));
  const barAt = (place) => Math.min(chart.bars.length - 1, 1 + Math.floor(place * (chart.bars.length - 1)));

  handles.forEach((handle, end) => {
    handle.addEventListener("focus", () => touch(chart));
    handle.addEventListener("blur", () => commit.now());
    handle.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && chart.chosen()) return drop();
      const step = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageDown: -10, PageUp: 10, Home: -last(), End: last() }[event.key];
      if (step === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      touch(chart);
      let [from, to] = range ?? [0, last()];
      if (event.shiftKey) {
        const shift = Math.min(Math.max(step, -from), last() - to);
        [from, to] = [from + shift, to + shift];
      } else if (end === 0) from = Math.min(Math.max(from + step, 0), to - 1);
      else to = Math.max(Math.min(to + step, last()), from + 1);
      set(from, to);
      commit.soon();
    });
  });

  missing.addEventListener("pointerenter", () => touch(chart));
  missing.addEventListener("focus", () => touch(chart));
  missing.addEventListener("click", () => {
    [onlyMissing, range] = [!onlyMissing, null];
    moved();
    choose(chart);
  });
  clear.addEventListener("click", () => { handles[0].focus(); drop(); });
  log.addEventListener("change", () => scale(chart, log.checked ? "log" : "linear"));
  return chart;
}

// Bars of names. What is chosen is a set of bars; the last may stand for many names.
function categories({ name, title }, { touch, moved, choose, tell, heights, signal }) {
  const { clear, head, line, point, update } = frameOf(title);
  const list = element("div", { class: "cl-bars", role: "listbox", "aria-multiselectable": "true", "aria-label": title });
  const figure = element("figure", { class: "cl-chart", role: "group", "aria-label": title }, head, line, list);
  let pieces = new Set();
  let chosen = "";
  let bars = []; // {option, fill, outline, number, pieces}
  const commit = later(() => choose(chart), signal);

  const chart = {
    name, element: figure, counts: new Float64Array(0), commit,
    set(spec, all) {
      [chart.bars, chart.all] = [spec.bars, all];
      if (chart.counts.length !== spec.bars.length) chart.counts = new Float64Array(spec.bars.length);
      if (bars.length !== spec.bars.length) build();
      bars.forEach((bar, place) => {
        bar.pieces = spec.bar_of.flatMap((of, piece) => (of === place ? [piece] : []));
        bar.label.textContent = spec.bars[place];
        bar.option.hidden = all.customers[place] === 0;
      });
    },
    show(filter) {
      pieces = new Set(filter?.pieces);
      chosen = filter?.words ?? "";
    },
    chosen: () => pieces.size > 0,
    busy: () => commit.waiting(),
    runs: () => (pieces.size ? [...pieces].map((piece) => [piece, piece]) : [[0, bars.flatMap((bar) => bar.pieces).length - 1]]),
    pieces: () => [...pieces].sort((a, b) => a - b),
    draw() {
      const [all, now] = heights(chart, 0);
      bars.forEach((bar, place) => {
        write(bar.outline, "style", `width: ${100 * all[place]}%`);
        write(bar.fill, "style", `transform: scaleX(${now[place]})`);
        write(bar.number, "text", short(chart.counts[place]));
        const some = bar.pieces.filter((piece) => pieces.has(piece)).length;
        bar.option.classList.toggle("cl-out", pieces.size > 0 && !some);
        write(bar.option, "aria-selected", some > 0);
      });
      figure.classList.toggle("cl-filtered", chart.chosen());
      update(chart.chosen() ? chosen || "…" : "", "");
    },
    settle() {
      bars.forEach((bar, place) => bar.option.setAttribute("aria-label", tell(chart, place)));
    },
  };

  function build() {
    // The missing values stand last.
    bars = chart.bars.map(() => {
      const [label, fill, outline, number] = ["cl-name", "cl-fill", "cl-outline", "cl-number"].map((kind) => element("span", { class: kind }));
      const option = element("div", { role: "option", tabindex: "-1", class: "cl-bar" },
        element("bdi", {}, label), element("span", { class: "cl-track" }, fill, outline), number);
      return { label, fill, outline, number, option, pieces: [] };
    });
    bars.forEach(({ option }, place) => {
      option.addEventListener("click", () => toggle(place));
      option.addEventListener("pointerenter", () => point(tell(chart, place)));
    });
    list.replaceChildren(...[...bars.slice(1), bars[0]].map((bar) => bar.option));
    (bars[1] ?? bars[0]).option.tabIndex = 0;
  }

  function toggle(place) {
    touch(chart);
    focusOn(bars[place].option);
    const some = bars[place].pieces.some((piece) => pieces.has(piece));
    for (const piece of bars[place].pieces) pieces[some ? "delete" : "add"](piece);
    moved();
    choose(chart);
  }

  function focusOn(option) {
    for (const bar of bars) bar.option.tabIndex = bar.option === option ? 0 : -1;
    option.focus();
  }

  list.addEventListener("pointerenter", () => touch(chart));
  list.addEventListener("pointerleave", () => point(""));
  list.addEventListener("focusin", () => touch(chart));
  list.addEventListener("keydown", (event) => {
    const shown = [...list.children].filter((option) => !option.hidden);
    const place = shown.indexOf(event.target);
    const next = { ArrowDown: place + 1, ArrowUp: place - 1, Home: 0, End: shown.length - 1 }[event.key];
    if (event.key === "Escape" && chart.chosen()) drop();
    else if (event.key === " " || event.key === "Enter") toggle(bars.findIndex((bar) => bar.option === event.target));
    else if (next !== undefined) focusOn(shown[Math.min(Math.max(next, 0), shown.length - 1)]);
    else return;
    event.preventDefault();
  });

  function drop() {
    pieces.clear();
    moved();
    choose(chart);
  }
  clear.addEventListener("click", () => {
    focusOn([...list.children].find((option) => option.tabIndex === 0));
    drop();
  });
  return chart;
}

// Where each piece begins, from 0 to 1, and where the last one ends: all bars are equally wide, and their pieces too.
function placesOf(barOf, bars) {
  const places = [];
  for (let piece = 1; piece < barOf.length; piece++) {
    const first = barOf.indexOf(barOf[piece]);
    const count = barOf.lastIndexOf(barOf[piece]) - first + 1;
    places.push((barOf[piece] - 1 + (piece - first) / count) / bars);
  }
  return [...places, 1];
}

// A drawing whose user unit is one bar wide and as high as the plot.
function svg(kind) {
  const space = "http://www.w3.org/2000/svg";
  const drawing = document.createElementNS(space, "svg");
  drawing.setAttribute("class", kind);
  drawing.setAttribute("aria-hidden", "true");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("viewBox", "0 0 1 1");
  return {
    element: drawing,
    path(name) {
      const path = document.createElementNS(space, "path");
      path.setAttribute("class", name);
      path.setAttribute("vector-effect", "non-scaling-stroke");
      drawing.append(path);
      return path;
    },
  };
}

// The outline of bars of these heights.
function steps(heights) {
  const width = 1 / heights.length;
  return `M0 1${heights.map((height, place) => `V${1 - height}H${(place + 1) * width}`).join("")}V1`;
}

// Bars of these heights, with a gap between them.
function boxes(heights) {
  const width = 1 / heights.length;
  return heights.map((height, place) =>
    (height > 0 ? `M${(place + 0.06) * width} 1V${1 - height}h${0.88 * width}V1Z` : "")).join("");
}

// The page of rows: sorted by a click on a heading, 25 at a time, personal data hidden until it is revealed.
function rowsTable(ask) {
  let state = { page: 0, sort: "", descending: true, reveal: false };
  const button = (text, label, change) => {
    const made = element("button", { type: "button", "aria-label": label }, text);
    made.addEventListener("click", () => ask({ ...state, ...change() }));
    return made;
  };
  const previous = button("‹", "Previous page", () => ({ page: state.page - 1 }));
  const next = button("›", "Next page", () => ({ page: state.page + 1 }));
  const reveal = button("", null, () => ({ reveal: !state.reveal }));
  const where = element("span", { role: "status" });
  const head = element("tr");
  const body = element("tbody");
  const scroll = element("div", { class: "cl-scroll", role: "region", tabindex: "0", "aria-label": "Selected customers" },
    element("table", {}, element("thead", {}, head), body));
  const section = element("section", { class: "cl-rows", "aria-label": "Selected customers" },
    element("div", { class: "cl-tools" }, previous, where, next, reveal), scroll);
  return {
    element: section,
    show({ columns, rows, first, total, page, pages, sort, descending, revealed }) {
      state = { page, sort, descending, reveal: revealed };
      where.textContent = total ? `${whole.format(first + 1)}–${whole.format(first + rows.length)} of ${whole.format(total)}` : "No customers are selected.";
      previous.disabled = page === 0;
      next.disabled = page >= pages - 1;
      reveal.textContent = revealed ? "Hide personal data" : "Reveal personal data";
      const focused = head.contains(document.activeElement) ? document.activeElement.dataset.name : null;
      head.replaceChildren(...columns.map(({ name, title, sortable, number }) => {
        const order = name === sort ? (descending ? "descending" : "ascending") : null;
        const arrow = order === null ? "" : descending ? " ↓" : " ↑";
        const content = sortable
          ? button(`${title}${arrow}`, null, () => ({ page: 0, sort: name, descending: name === sort ? !descending : true }))
          : title;
        if (sortable) content.dataset.name = name;
        return element("th", { scope: "col", "aria-sort": order, class: number && "cl-figure" }, content);
      }));
      if (focused) head.querySelector(`[data-name="${focused}"]`)?.focus();
      body.replaceChildren(...rows.map((row) =>
        element("tr", {}, ...row.map((cell, place) =>
          element("td", { class: columns[place].number && "cl-figure" }, element("bdi", {}, cell))))));
    },
  };
}
