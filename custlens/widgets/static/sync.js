export default panel("Sync", ({ root, send, status }) => {
  root.classList.add("cl-sync");
  const modes = { auto: "what is due", full: "every customer", incremental: "what changed" };
  const options = Object.entries(modes).map(([mode, text]) => element("option", { value: mode }, `${mode}: ${text}`));
  const mode = element("select", { "aria-label": "Mode" }, ...options);
  const start = element("button", { type: "button" }, "Sync");
  const cancel = element("button", { type: "button", disabled: true }, "Cancel");
  const bar = element("progress", { "aria-label": "Customers read", max: 1 });
  const done = element("span");
  const quota = element("span", { class: "cl-muted" });
  const progress = element("div", { class: "cl-progress", hidden: true }, bar, done, quota);
  const facts = element("table", { "aria-label": "Store" });
  const report = element("table", { "aria-label": "Report" });
  root.append(element("div", { class: "cl-controls" }, mode, start, cancel), status, progress, report, facts);
  start.addEventListener("click", () => send("start", { mode: mode.value }));
  cancel.addEventListener("click", () => send("cancel"));

  function fill(table, lines) {
    table.hidden = lines.length === 0;
    const rows = lines.map(([heading, text]) => element("tr", {}, element("th", { scope: "row" }, heading), element("td", {}, text)));
    table.replaceChildren(element("tbody", {}, ...rows));
  }

  return {
    state(message) {
      const focused = document.activeElement === start || document.activeElement === cancel;
      start.disabled = mode.disabled = message.running;
      cancel.disabled = !message.running;
      progress.hidden = !message.running;
      if (focused) (message.running ? cancel : start).focus(); // a button that is disabled would lose the keyboard
      fill(facts, message.report.length ? [] : message.facts);
      fill(report, message.report);
    },
    progress(message) {
      cancel.disabled ||= message.phase === "writing"; // a commit is not interrupted
      if (message.share === null) bar.removeAttribute("value");
      else bar.value = message.share;
      done.textContent = message.done;
      quota.textContent = message.quota;
    },
  };
});
