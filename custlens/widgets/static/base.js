// What the panels share. Python puts this text before a panel's own file, and the two are one ES module.
//
// A panel's file ends with
//
//   export default panel("Name for screen readers", ({ root, send, status, signal }) => {
//     …builds its elements in `root`; puts `status`, the status line, where it belongs…
//     return { rows({ rows }, buffers) {…}, card({ html }) {…} };   // one handler for each type of message
//   });
//
// `send("search", { text })` calls `_on_search(text=…)` in Python. `signal` is aborted when the view goes: pass it to
// every addEventListener outside of `root`, and stop timers and animation frames with it.

const SILENCE = 10_000; // ms without an answer after which the reader is told

function panel(label, build) {
  return {
    render({ model, el }) {
      const controller = new AbortController();
      const { signal } = controller;
      const root = element("section", { class: "custlens", "aria-label": label, tabindex: "-1" }); // keeps the focus of a click
      const status = element("div", { class: "cl-status" },
        element("span", { role: "status" }), element("span", { role: "alert" }));
      let silence = 0;
      let still = null;
      root.hidden = true; // until the kernel answers: what it cannot bring to life is not shown

      function send(type, content = {}) {
        model.send({ type, ...content });
        silence ||= setTimeout(() => {
          const text = "The kernel has not answered yet. If it is not busy, run this cell again.";
          showStatus(status, { sentence: text, kind: "error", details: "" });
        }, SILENCE);
      }

      function receive(message, buffers) {
        clearTimeout(silence);
        silence = 0;
        if (message.type === "live") live(message.still);
        else if (message.type === "status") showStatus(status, message);
        else handlers[message.type]?.(message, buffers);
      }

      function live(id) {
        root.hidden = false;
        const found = document.querySelector(`[data-custlens="${id}"]`);
        still ??= found?.closest(".jp-OutputArea-child") ?? found;
        if (still) still.style.display = "none";
      }

      const handlers = build({ root, send, status, signal });
      if (!root.contains(status)) root.append(status);
      keepKeys(root, signal);
      el.replaceChildren(root);
      model.on("msg:custom", receive);
      Object.values(model.get("saved") ?? {}).forEach((message) => receive(message)); // a notebook opened again
      send("ready");
      return () => {
        model.off("msg:custom", receive);
        clearTimeout(silence);
        controller.abort();
        el.replaceChildren();
        if (still) still.style.display = "";
      };
    },
  };
}

// Make an element. Attributes whose value is null, undefined or false are left out; children that are strings become
// text, so nothing that a customer wrote can become markup.
function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value != null && value !== false) made.setAttribute(name, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// Keep keys from the notebook's shortcuts, where `x` cuts the cell. Ctrl-S and Cmd-S still save it.
//
// Notebook 7 hears a key first, before all but the window, and then looks, as JupyterLab does,
// whether the element that has the focus carries this attribute. Whatever else hears keys around a widget hears them
// last, so they are stopped here.
function keepKeys(root, signal) {
  const saves = ({ ctrlKey, metaKey, key }) => (ctrlKey || metaKey) && key === "s";
  window.addEventListener("keydown", (event) => {
    if (root.contains(event.target)) event.target.toggleAttribute("data-lm-suppress-shortcuts", !saves(event));
  }, { capture: true, signal });
  root.addEventListener("keydown", (event) => {
    if (!saves(event)) event.stopPropagation();
  });
}

// Call a function once no further call has come for `delay` ms; its `cancel()` drops the call that is waiting.
function debounced(act, delay, signal) {
  let waiting = 0;
  const later = (...values) => {
    later.cancel();
    waiting = setTimeout(act, delay, ...values);
  };
  later.cancel = () => clearTimeout(waiting);
  signal.addEventListener("abort", later.cancel);
  return later;
}

// Show a sentence in the status line: an error at once, anything else when the screen reader is free.
function showStatus(line, { sentence, kind, details }) {
  const [polite, alert] = line.children;
  line.dataset.kind = kind;
  polite.textContent = kind === "error" ? "" : sentence;
  alert.textContent = kind === "error" ? sentence : "";
  line.querySelector("details")?.remove();
  if (details) line.append(element("details", {}, element("summary", {}, "Details"), element("pre", {}, details)));
}
