// Lookup: a combobox, the list of customers found, and the card of the one picked.
//
// The combobox follows the ARIA Authoring Practices ("editable combobox with list autocomplete"): the focus stays in the
// box, and `aria-activedescendant` names the option that ↓ ↑ Home End have reached. Python searches, hides personal data
// and words everything; this module draws it, always as text nodes.

const PAUSE = 150; // ms without typing after which the search begins

let lookups = 0; // so that two lookups of one page have ids of their own

export default panel("Customer lookup", ({ root, send, status, signal }) => {
  const id = `custlens-lookup-${++lookups}`;
  const box = element("input", {
    id: `${id}-box`, type: "text", role: "combobox", autocomplete: "off", spellcheck: "false", dir: "auto",
    placeholder: "Name, email, phone or ID", "aria-autocomplete": "list", "aria-expanded": "false",
    "aria-controls": `${id}-list`,
  });
  const list = element("ul", { id: `${id}-list`, role: "listbox", "aria-label": "Customers found", hidden: true });
  const label = element("label", { for: `${id}-box` }, "Search customers");
  const card = element("div", { class: "cl-card" });
  const buttons = {
    reveal: button("Reveal", "Show personal data", () => send("reveal", { reveal: !revealed })),
    copyId: button("Copy ID", null, () => copy(String(shown.id), buttons.copyId)),
    copyEmail: button("Copy email", null, () => copy(shown.email, buttons.copyEmail)),
    fetch: button("Fetch now", "Ask the shop for this customer", () => {
      if (asking) return;
      later.cancel(); // the search that waits would close the card again
      send("fetch", { text: box.value });
    }),
  };
  const admin = element("a", { target: "_blank", rel: "noreferrer", hidden: true }, "Open the shop's admin");
  const tools = element("div", { class: "cl-tools", role: "group", "aria-label": "This customer" },
    buttons.fetch, buttons.reveal, buttons.copyId, buttons.copyEmail, admin);
  root.classList.add("cl-lookup");
  root.append(element("div", { class: "cl-pair" },
    element("div", { class: "cl-find" }, label, box, status, list),
    element("div", { class: "cl-found" }, tools, card)));

  let shown = null; // the card, as Python sent it
  let revealed = false;
  let canFetch = false;
  let asking = false; // whether the shop is being asked for a customer
  let listed = ""; // the text that the list is of
  let active = -1; // the option that the keys have reached

  const options = () => [...list.children];

  function open(isOpen) {
    list.hidden = !isOpen;
    box.setAttribute("aria-expanded", String(isOpen));
    if (!isOpen) reach(-1);
  }

  function reach(at) {
    active = at;
    options().forEach((option, place) => option.setAttribute("aria-selected", String(place === at)));
    if (at < 0) {
      box.removeAttribute("aria-activedescendant");
    } else {
      box.setAttribute("aria-activedescendant", options()[at].id);
      options()[at].scrollIntoView({ block: "nearest" });
    }
  }

  function pick(option) {
    open(false);
    send("pick", { customer_id: Number(option.dataset.id) });
  }

  // Two letters narrow a search enough; so does one digit, or one letter of a script that has many.
  function search() {
    const text = box.value.trim();
    send("search", { text: text.length > 1 || /[0-9]|[^\x00-\u024f]/u.test(text) ? box.value : "" });
  }

  function fetchable() {
    buttons.fetch.hidden = !canFetch;
    buttons.fetch.disabled = shown === null && !/^\s*\d{1,18}\s*$/.test(box.value);
  }

  const later = debounced(search, PAUSE, signal);
  box.addEventListener("input", () => { fetchable(); later(); });
  box.addEventListener("blur", () => open(false));
  box.addEventListener("focus", () => { if (options().length && shown === null) open(true); });
  box.addEventListener("keydown", (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return;
    const count = options().length;
    const step = { ArrowDown: active + 1, ArrowUp: active < 0 ? count - 1 : active - 1 }[event.key];
    if (step !== undefined && count) {
      open(true);
      reach((step + count) % count);
    } else if (event.key === "Home" && active > 0) {
      reach(0);
    } else if (event.key === "End" && active >= 0) {
      reach(count - 1);
    } else if (event.key === "Enter" && !list.hidden && (active >= 0 || (count === 1 && listed === box.value))) {
      pick(options()[Math.max(active, 0)]);
    } else if (event.key === "Escape" && !list.hidden) {
      open(false);
    } else if (event.key === "Escape" && box.value) {
      box.value = "";
      search();
    } else {
      return;
    }
    event.preventDefault();
  });
  list.addEventListener("mousedown", (event) => event.preventDefault()); // the focus stays in the box
  list.addEventListener("click", (event) => {
    const option = event.target.closest("[role=option]");
    if (option) pick(option);
  });

  async function copy(text, pressed) {
    const words = pressed.dataset.words ??= pressed.textContent;
    try {
      await navigator.clipboard.writeText(text);
      pressed.textContent = "Copied";
    } catch {
      pressed.textContent = "The browser forbids it";
    }
    setTimeout(() => { pressed.textContent = words; }, 1500);
  }

  return {
    hits({ hits, text, can_fetch }) {
      if (document.activeElement !== box && box.value !== text) box.value = text; // searched from Python, or a new view
      canFetch = can_fetch;
      listed = text;
      list.replaceChildren(...hits.map((hit, at) => element("li",
        { id: `${id}-option-${at}`, role: "option", "aria-selected": "false", "data-id": hit.id },
        ...hit.values.map((value) => element("bdi", {}, ...value.map(([piece, found]) =>
          found ? element("mark", {}, piece) : piece))),
        element("span", { class: "cl-worth" }, hit.worth),
      )));
      active = -1;
      box.removeAttribute("aria-activedescendant");
      open(hits.length > 0 && shown === null);
      fetchable();
    },
    asking(message) {
      asking = message.asking;
      buttons.fetch.setAttribute("aria-disabled", String(asking)); // a button that is disabled would lose the keyboard
    },
    card(message) {
      shown = message.card;
      revealed = message.revealed;
      buttons.reveal.textContent = revealed ? "Hide" : "Reveal";
      buttons.reveal.title = revealed ? "Hide personal data" : "Show personal data";
      buttons.reveal.hidden = buttons.copyId.hidden = shown === null;
      buttons.copyEmail.hidden = !shown?.email;
      admin.hidden = !shown?.admin;
      if (shown?.admin) admin.href = shown.admin;
      fetchable();
      if (shown !== null) open(false);
      card.replaceChildren(...(shown === null ? [] : [drawn(shown)]));
    },
  };
});

function button(text, title, act) {
  const made = element("button", { type: "button", title, hidden: true }, text);
  made.addEventListener("click", act);
  return made;
}

// Draw a card.
function drawn({ title, note, sections, statistics, outlook, changes }) {
  const [person, ...others] = sections;
  const parts = [element("h3", {}, element("bdi", {}, title))];
  if (changes) parts.push(changed(changes));
  parts.push(facts(person));
  parts.push(element("h4", {}, statistics.title));
  if (statistics.rows.length) parts.push(measures(statistics.rows));
  parts.push(facts({
    title: "Outlook",
    facts: outlook ?? [["", "being computed …"]],
  }));
  parts.push(...others.map(facts), element("p", { class: "cl-note" }, note));
  return element("article", { "aria-label": "Customer" }, ...parts);
}

// Draw pairs of a label and a value; where no pair has a label, a list.
function facts({ title, facts: pairs }) {
  const heading = title ? [element("h4", {}, title)] : [];
  const value = (text) => element("bdi", {}, text);
  const body = pairs.every(([label]) => label === "")
    ? element("ul", {}, ...pairs.map(([, text]) => element("li", {}, value(text))))
    : element("dl", {}, ...pairs.flatMap(([label, text]) => [element("dt", {}, label), element("dd", {}, value(text))]));
  return element("section", {}, ...heading, body);
}

// Draw what the shop's answer changed.
function changed(changes) {
  const items = changes.map(([label, before, after]) =>
    element("li", {}, `${label}: `, element("bdi", {}, before), " → ", element("bdi", {}, after)));
  const body = items.length ? element("ul", {}, ...items) : element("p", {}, "Nothing differs from the table.");
  return element("section", { class: "cl-changes" }, element("h4", {}, "Changed in the shop"), body);
}

// Draw the statistics, each with its place among the buyers.
function measures(rows) {
  const drawn = rows.map(({ label, value, words, bars, bar }) => element("tr", {},
    element("th", { scope: "row" }, label),
    element("td", {}, value),
    element("td", {}, ...(bars ? [chart(bars, bar, `${label}: ${words}`)] : [])),
    element("td", {}, words ?? "")));
  return element("table", {}, element("tbody", {}, ...drawn));
}

// Draw the buyers as bars, and a line through the bar that the customer is in.
function chart(bars, place, words) {
  const svg = shape("svg", { viewBox: `0 0 ${bars.length * 4} 24`, role: "img", "aria-label": words, class: "cl-chart" });
  svg.append(shape("rect", { x: place * 4, y: 0, width: 3, height: 24, class: "cl-line" }));
  bars.forEach((share, at) => {
    const height = share && Math.max(share * 22, 1); // a bar of few buyers can still be seen
    const mark = at === place ? "cl-here" : null;
    svg.append(shape("rect", { x: at * 4, y: 24 - height, width: 3, height, class: mark }));
  });
  return svg;
}

function shape(tag, attributes) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== null) made.setAttribute(name, value);
  return made;
}
