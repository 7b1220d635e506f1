// What a page can do beyond links and forms: keys, local times beside UTC, copying, and the live tail. Every page but the
// tail works without it. Whatever a stranger wrote is only ever set as text.
"use strict";

const base = document.body.dataset.base;
const find = (id) => document.getElementById(id);

for (const time of document.querySelectorAll("time")) time.after(...hereOf(time));
for (const button of document.querySelectorAll("button.copy")) offerCopy(button);
startKeys();
startLive();
askAgain();

// The same moment on the reader's own clock, to stand behind it: the day only where it is another one, and nothing where
// that clock shows UTC.
function hereOf(time) {
  const at = new Date(time.dateTime);
  if (Number.isNaN(at.getTime())) return [];
  time.title = `${time.dateTime}\n${at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "medium" })} here`;
  if (at.getTimezoneOffset() === 0) return [];
  const two = (number) => String(number).padStart(2, "0");
  const clock = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(":");
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return [" ", element("span", "here", `${time.dateTime.startsWith(day) ? "" : `${day} `}${clock} here`)];
}

function offerCopy(button) {
  if (!navigator.clipboard) return;
  button.hidden = false;
  button.addEventListener("click", async () => {
    await navigator.clipboard.writeText(find(button.dataset.copy).textContent);
    button.textContent = "Copied";
  });
}

function startKeys() {
  const places = { o: "/", q: "/quarantine", l: "/live", r: "/rejects", p: "/replay" };
  const list = find("keys");
  let went = 0;
  find("keys-button").hidden = false;
  find("keys-button").addEventListener("click", () => list.showModal());
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || list.open) return;
    if (event.target.closest("input, select, textarea")) return;
    const second = event.timeStamp - went < 1500;
    went = event.key === "g" ? event.timeStamp : 0;
    if (second && event.key in places) location.assign(base + places[event.key]);
    else if (event.key === "/" && find("find")) find("find").select();
    else if (event.key === "?") list.showModal();
    else if (event.key === "j" || event.key === "k") move(event.key === "j" ? 1 : -1);
    else return;
    event.preventDefault();
  });
}

// The row that one is at has the focus on its link, so that Enter opens it and a reader reads it.
function move(by) {
  const rows = [...document.querySelectorAll(".rows tbody tr")].filter((row) => row.querySelector("a.go"));
  if (!rows.length) return;
  const at = rows.findIndex((row) => row.classList.contains("here"));
  const to = rows[Math.min(rows.length - 1, Math.max(0, at < 0 ? (by > 0 ? 0 : rows.length - 1) : at + by))];
  for (const row of rows) row.classList.toggle("here", row === to);
  to.querySelector("a.go").focus();
  to.scrollIntoView({ block: "nearest" });
}

function askAgain() {
  const state = find("request-state");
  const run = find("run");
  const waits = (state && state.dataset.done === "no") || (run && run.dataset.phase !== "ended");
  if (waits && !location.search) setTimeout(() => location.reload(), 1000);
}

function startLive() {
  const bar = find("live-bar");
  if (!bar) return;
  const rowsMax = 500;
  const body = document.querySelector("#tail tbody");
  const pause = find("pause");
  const state = find("live-state");
  const held = [];
  const times = [];
  let skipped = 0;
  let paused = false;
  bar.hidden = false;
  find("live-unscripted").remove();
  const source = new EventSource(bar.dataset.url);
  source.addEventListener("open", () => { state.textContent = paused ? "paused" : "listening"; });
  source.addEventListener("error", () => {
    state.textContent = source.readyState === EventSource.CLOSED
      ? "not listening: too many do already, or the console has ended; load the page again" : "connecting again";
  });
  source.addEventListener("skipped", (event) => {
    skipped += Number(event.data);
    find("live-skipped").textContent = `${skipped} skipped: this browser was too slow for them`;
  });
  source.addEventListener("record", (event) => {
    times.push(Date.now());
    const row = JSON.parse(event.data);
    if (!paused) return add(row);
    held.push(row);
    if (held.length > rowsMax) held.shift();
    state.textContent = `paused, ${held.length} wait`;
  });
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", String(paused));
    pause.textContent = paused ? "Go on" : "Pause";
    state.textContent = paused ? "paused" : "listening";
    if (!paused) held.splice(0).forEach(add);
  });
  setInterval(() => {
    while (times.length && times[0] < Date.now() - 10000) times.shift();
    find("live-rate").textContent = `${(times.length / 10).toFixed(1)} a second`;
  }, 1000);

  function add(row) {
    const empty = find("live-empty");
    if (empty) empty.remove();
    body.prepend(rowOf(row, bar.dataset));
    while (body.rows.length > rowsMax) body.lastElementChild.remove();
  }
}

function rowOf(row, places) {
  const made = document.createElement("tr");
  made.className = "new";
  const time = document.createElement("time");
  time.dateTime = row.received_at;
  time.textContent = row.received_at.slice(0, 19).replace("T", " ");
  const link = document.createElement("a");
  link.className = "go";
  if (row.key) {
    link.href = `${places.operation}/${encodeURIComponent(row.key)}#record-${row.number}`;
    link.append(element("code", "id", row.operation_id));
  } else {
    link.href = `${places.record}/${row.number}`;
    link.textContent = `record ${row.number}`;
  }
  const levels = { completed: "good", verified: "good", failed: "bad", rejected: "bad", expired: "bad", cancelled: "bad" };
  const word = row.record_type === "event" ? row.status : row.record_type;
  const level = row.record_type === "event" ? levels[row.status] || "going" : "bad";
  const marks = [...(row.key && !row.effective ? ["not effective"] : []), ...row.anomalies, ...(row.simulated ? ["simulated"] : [])];
  const cells = [[time, ...hereOf(time)], [row.source], [link], [element("span", `status ${level}`, word)], [row.provider_status],
    [row.money], [row.sequence ?? ""], marks.flatMap((mark) => [element("span", "mark", mark), " "])];
  cells.forEach((parts, place) => {
    const cell = made.insertCell();
    if (place === 6) cell.className = "num measure";
    cell.append(...parts);
  });
  return made;
}

function element(name, kind, text) {
  const made = document.createElement(name);
  made.className = kind;
  made.textContent = text;
  return made;
}
