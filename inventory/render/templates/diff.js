
"use strict";
// Draws the jobs of the data block, by importance. Only what is near the window is in the document, the details of a
// job once it is opened; all of it as text, never as markup. The filters stand in the address, to be shared.
const CHUNK = 40; // jobs that are drawn together
const PRINTED = 3000; // lines of details that are printed
const WORDS = ["text", "source", "table", "column", "status"]; // filters that are one value
const find = (selector) => document.querySelector(selector);
const data = JSON.parse(find("#data").textContent);
const said = (at) => (at < 0 ? null : data.texts[at]);
const jobs = data.jobs.map(unpacked);
const sources = new Set(jobs.map((job) => job.source));
const counters = [...find("#counts").querySelectorAll("button")];
const state = { action: new Set(), open: false, text: "", source: "", table: "", column: "", status: "" };
const flipped = new Set(); // jobs that were opened, or folded where all are open
const lists = new WeakMap(); // chunk -> its jobs
const near = new IntersectionObserver(
  (entries) => entries.forEach((entry) => (entry.isIntersecting ? fill : empty)(entry.target)),
  { rootMargin: "1500px 0px" },
);
let shown = [];

function unpacked([source, mark, id, name, line, statuses, rows]) {
  const job = { source: said(source), mark: said(mark), id: said(id), name: said(name), line: said(line) };
  job.action = data.groups[job.mark][0];
  job.statuses = statuses.map(said);
  job.rows = rows.map(([table, action, key, ...parts]) => {
    const row = { table: said(table), action: data.actions[action], key: said(key), cells: [] };
    for (let at = 0; at < parts.length; at += 3) row.cells.push(parts.slice(at, at + 3).map(said));
    return row;
  });
  return job;
}

function searched(job) {
  if (job.searched === undefined) {
    const rows = job.rows.map((row) => [row.table, row.key, ...row.cells.flat()].join("\n"));
    job.searched = [job.name, job.id, job.source, job.line, ...rows].join("\n").toLowerCase();
  }
  return job.searched;
}

// Which jobs are shown.

function rowFits(row) {
  const changed = row.action === "update" && row.cells.some(([column]) => column === state.column);
  return (!state.table || row.table === state.table) && (!state.column || changed);
}

function fits(job, words) {
  return (
    (!state.source || job.source === state.source) &&
    (!state.status || job.statuses.includes(state.status)) &&
    (!(state.table || state.column) || job.rows.some(rowFits)) &&
    words.every((word) => searched(job).includes(word))
  );
}

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  state.action = new Set((address.get("action") || "").split(",").filter(Boolean));
  state.open = address.get("open") === "all";
  WORDS.forEach((name) => (state[name] = address.get(name) || ""));
  flipped.clear();
  update();
}

function writeAddress(step) {
  const address = new URLSearchParams();
  if (state.action.size) address.set("action", [...state.action].join(","));
  WORDS.filter((name) => state[name]).forEach((name) => address.set(name, state[name]));
  if (state.open) address.set("open", "all");
  try {
    history[step](null, "", "#" + address);
  } catch { // a browser that limits how often, or a frame without an address: the filters work all the same
  }
  update();
}

function update() {
  const words = state.text.toLowerCase().split(/\s+/).filter(Boolean);
  const found = jobs.filter((job) => fits(job, words));
  counters.forEach((button) => {
    const count = found.filter((job) => job.action === button.value).length;
    button.querySelector("b").textContent = number(count);
    button.setAttribute("aria-pressed", state.action.has(button.value));
  });
  shown = state.action.size ? found.filter((job) => state.action.has(job.action)) : found;
  choices();
  if (find("#text").value !== state.text) find("#text").value = state.text;
  const all = plural(jobs.length);
  find("#told").textContent = shown.length === jobs.length ? all : `${number(shown.length)} of ${all}: ${filters()}`;
  draw();
}

function filters() {
  const words = { text: "text", source: "source", table: "table", column: "changed column", status: "status" };
  const chosen = WORDS.filter((name) => state[name]).map((name) => `${words[name]} "${state[name]}"`);
  const marks = Object.values(data.groups).filter(([action]) => state.action.has(action));
  if (state.action.size) chosen.unshift(marks.map(([, word]) => word).join(" or ") || "no such action");
  return chosen.join(", ");
}

function choices() {
  const inTable = (row) => !state.table || row.table === state.table;
  const columns = (row) => (row.action === "update" && inTable(row) ? row.cells.map(([column]) => column) : []);
  choose("source", (job) => [job.source]);
  choose("table", (job) => job.rows.map((row) => row.table));
  choose("column", (job) => job.rows.flatMap(columns));
  choose("status", (job) => job.statuses);
}

function choose(name, values) {
  const select = find("#" + name);
  const counts = new Map();
  jobs.forEach((job) => new Set(values(job)).forEach((value) => counts.set(value, (counts.get(value) || 0) + 1)));
  if (state[name] && !counts.has(state[name])) counts.set(state[name], 0);
  const options = [...counts].sort(([one], [other]) => (one < other ? -1 : 1));
  const made = options.map(([value, count]) => new Option(`${value} (${number(count)})`, value));
  select.replaceChildren(new Option("all", ""), ...made);
  select.value = state[name];
}

// How they are drawn.

function make(tag, name, ...children) {
  const element = document.createElement(tag);
  if (name) element.className = name;
  element.append(...children);
  return element;
}

const number = (count) => count.toLocaleString("en-US");
const plural = (count, word = "job") => `${number(count)} ${word}${count === 1 ? "" : "s"}`;

function draw() {
  near.disconnect();
  find("#jobs").replaceChildren(...groups(shown, chunks));
  if (!shown.length && jobs.length) find("#jobs").append(make("p", "", "No job fits these filters."));
  document.querySelectorAll(".chunk").forEach((chunk) => near.observe(chunk));
}

function groups(list, children) {
  const marks = Object.keys(data.groups).map((mark) => [mark, list.filter((job) => job.mark === mark)]);
  return marks.filter(([, found]) => found.length).map(([mark, found]) => {
    const [action, word] = data.groups[mark];
    const title = word[0].toUpperCase() + word.slice(1);
    const heading = make("h2", action, title, make("span", "size", plural(found.length)));
    return make("section", "", heading, ...children(found));
  });
}

function chunks(list) {
  const made = [];
  for (let at = 0; at < list.length; at += CHUNK) {
    const chunk = make("div", "chunk");
    lists.set(chunk, list.slice(at, at + CHUNK));
    chunk.style.setProperty("--rows", lists.get(chunk).length);
    made.push(chunk);
  }
  return made;
}

function fill(chunk) {
  if (!chunk.firstChild) chunk.append(...lists.get(chunk).map(jobElement));
}

function empty(chunk) {
  if (!chunk.firstChild || chunk.contains(document.activeElement)) return;
  chunk.style.setProperty("--height", `${chunk.offsetHeight}px`);
  chunk.replaceChildren();
}

function jobElement(job) {
  const element = jobBlock(job, state.open !== flipped.has(job));
  element.addEventListener("toggle", () => {
    if (!element.isConnected) return;
    flipped[element.open === state.open ? "delete" : "add"](job);
    if (element.open && !element.querySelector(".details")) element.append(details(job));
  });
  return element;
}

function jobBlock(job, open) {
  const element = make("details", "job", make("summary", "", ...firstLine(job)));
  element.open = open;
  if (open) element.append(details(job));
  return element;
}

function firstLine(job) {
  const source = sources.size > 1 ? [" ", make("span", "of", job.source)] : [];
  const mark = make("span", `mark ${job.action}`, job.mark);
  const [name, line, id] = [make("b", "name", job.name), make("span", "line", job.line), make("code", "id", job.id)];
  return [mark, " ", name, " ", line, " ", id, ...source];
}

function details(job) {
  const rows = job.rows.filter(rowFits);
  const body = make("div", "details", make("p", "", "Job ", make("code", "", job.id), " of source ", job.source));
  for (const table of new Set(rows.map((row) => row.table))) {
    body.append(tableElement(table, rows.filter((row) => row.table === table)));
  }
  const others = job.rows.length - rows.length;
  if (others) body.append(make("p", "", `${plural(others, "other row")} of this job outside the filters`));
  return body;
}

function tableElement(name, rows) {
  const has = (at) => rows.some((row) => row.cells.some((parts) => parts[at] !== null));
  const ends = [...(has(1) ? ["Before"] : []), ...(has(2) ? ["After"] : [])];
  const heads = ["Column", ...ends].map((text) => make("th", "", text));
  heads.forEach((head) => (head.scope = "col"));
  const table = make("table", ends.length < 2 ? "rows single" : "rows");
  table.append(make("caption", "", name), make("thead", "", make("tr", "", ...heads)));
  table.append(...rows.map((row) => rowElement(row, ends)));
  return table;
}

function rowElement(row, ends) {
  const words = { create: "+ created", delete: "- deleted", update: "~ updated" };
  const key = make("th", `key ${row.action}`, words[row.action], ...(row.key ? [" ", make("code", "", row.key)] : []));
  key.scope = "rowgroup";
  key.colSpan = 1 + ends.length;
  const lines = row.cells.map(([column, old, now]) => {
    const head = make("th", "column", column);
    head.scope = "row";
    const values = { Before: () => cell("del", old, now), After: () => cell("ins", now, old) };
    return make("tr", "", head, ...ends.map((end) => values[end]()));
  });
  return make("tbody", "", make("tr", "", key), ...lines);
}

// A value. Where both ends have one, and most of it is the same, what differs between their common beginning and end is
// marked.
function cell(tag, text, other) {
  const td = make("td", tag === "del" ? "before" : "after");
  if (text === null) return td;
  if (other === null) return td.append(make(tag, "", text)), td;
  const least = Math.min(text.length, other.length);
  let start = 0;
  let end = 0;
  while (start < least && text[start] === other[start]) start++;
  while (end < least - start && text[text.length - 1 - end] === other[other.length - 1 - end]) end++;
  const middle = text.slice(start, text.length - end);
  const parts = 2 * (start + end) > least ? [make("mark", "", middle)] : [middle];
  td.append(make(tag, "", text.slice(0, start), ...parts, text.slice(text.length - end)));
  return td;
}

// Printing: every job that the filters leave, opened up to a bound.

function print() {
  near.disconnect();
  let lines = 0;
  const opened = new Set(shown.filter((job) => (lines += linesOf(job)) <= PRINTED));
  const block = (job) => (opened.has(job) ? jobBlock(job, true) : make("p", "folded", ...firstLine(job)));
  find("#jobs").replaceChildren(...groups(shown, (list) => list.map(block)));
  if (opened.size === shown.length) return;
  const note = `Printed: the first line of ${plural(shown.length)}, the details of ${number(opened.size)} of them.`;
  find("#jobs").prepend(make("p", "cut", note, " Narrow the filters to print the other details."));
}

function linesOf(job) {
  return 3 + job.rows.reduce((sum, row) => sum + 1 + row.cells.length, 0);
}

find("#filters").hidden = !jobs.length;
if (matchMedia("screen and (max-width: 48rem)").matches) {
  document.querySelectorAll(".source").forEach((each) => (each.open = false));
}
find("#of-source").hidden = sources.size < 2;
counters.forEach((button) => {
  button.disabled = false;
  button.addEventListener("click", () => {
    state.action[state.action.has(button.value) ? "delete" : "add"](button.value);
    writeAddress("pushState");
  });
});
WORDS.forEach((name) => {
  find("#" + name).addEventListener("input", (event) => {
    state[name] = event.target.value;
    writeAddress(name === "text" ? "replaceState" : "pushState");
  });
});
find("#clear").addEventListener("click", () => {
  state.action.clear();
  WORDS.forEach((name) => (state[name] = ""));
  writeAddress("pushState");
});
[["#open", true], ["#fold", false]].forEach(([button, open]) =>
  find(button).addEventListener("click", () => {
    state.open = open;
    flipped.clear();
    writeAddress("replaceState");
  }),
);
addEventListener("hashchange", readAddress);
addEventListener("beforeprint", print);
addEventListener("afterprint", draw);
readAddress();
