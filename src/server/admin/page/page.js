"use strict";
// Shows the content of /sessions, updated once a second. Names come from clients and are inserted as text, never as markup.

const INTERVAL_MS = 1000, TIMEOUT_MS = 5000, MAX_ROWS = 500;
const byId = id => document.getElementById(id);
// The received bytes of each session at the last update, from which the rate is computed.
let before = new Map();
let latest = null;

async function refresh() {
  try {
    const response = await fetch("sessions", { cache: "no-store", signal: AbortSignal.timeout(TIMEOUT_MS) });
    if (!response.ok) throw new Error((await response.text()).trim() || "status " + response.status);
    const listing = await response.json();
    latest = { at: new Date(), listing, rates: rates(listing) };
    show();
  } catch (error) {
    showGone(error);
  }
  setTimeout(refresh, INTERVAL_MS);
}

function rates(listing) {
  const now = new Map(), found = new Map();
  for (const session of listing.sessions) {
    const key = keyOf(session), last = before.get(key);
    now.set(key, { received: session.received, at: listing.now_ms });
    if (last && listing.now_ms > last.at) {
      found.set(key, Math.max(0, session.received - last.received) * 1000 / (listing.now_ms - last.at));
    }
  }
  before = now;
  return found;
}

function show() {
  const { at, listing, rates } = latest;
  document.body.classList.remove("stale");
  byId("gone").hidden = true;
  byId("version").textContent = listing.version;
  byId("state").textContent = "Updated " + at.toLocaleTimeString();
  const all = listing.sessions;
  const sum = numbers => numbers.reduce((total, number) => total + number, 0);
  byId("count").textContent = all.length;
  byId("receiving").textContent = all.filter(session => session.state === "receiving").length;
  byId("bytes").textContent = size(sum(all.map(session => session.received ?? 0)));
  byId("rate").textContent = size(sum([...rates.values()])) + "/s";

  const wanted = byId("filter").value.trim().toLowerCase();
  const fits = session => [nameOf(session), session.owner ?? "", session.state, session.id]
    .some(text => text.toLowerCase().includes(wanted));
  const chosen = all.filter(fits).sort((one, other) => other.last_active_ms - one.last_active_ms);
  // Sorted by creation time, so that the order does not change while uploads run.
  const shown = chosen.slice(0, MAX_ROWS).sort((one, other) => other.created_ms - one.created_ms);
  fillRows(shown, listing.now_ms, rates);
  byId("scroll").hidden = shown.length === 0;
  byId("empty").hidden = shown.length > 0;
  byId("empty").textContent = all.length === 0
    ? "No sessions. Uploads appear here when they begin."
    : "No session matches the filter.";
  byId("more").hidden = shown.length === chosen.length;
  byId("more").textContent = `Showing the ${shown.length} most recently active of ${chosen.length} sessions. Use the filter to see others.`;
}

function showGone(error) {
  document.body.classList.add("stale");
  const since = latest ? " The data below is from " + latest.at.toLocaleTimeString() + "." : "";
  byId("state").textContent = "No response";
  byId("gone").textContent = `The server does not respond (${error.message}).${since} Retrying every second.`;
  byId("gone").hidden = false;
}

// Keeps existing rows, so that focus, selection and scroll position are preserved.
function fillRows(sessions, nowMs, rates) {
  const body = byId("rows");
  const old = new Map([...body.rows].map(row => [row.dataset.key, row]));
  sessions.forEach((session, index) => {
    const key = keyOf(session);
    const row = old.get(key) ?? newRow(key);
    old.delete(key);
    fill(row, session, nowMs, rates.get(key));
    if (body.rows[index] !== row) body.insertBefore(row, body.rows[index] ?? null);
  });
  old.forEach(row => row.remove());
}

function newRow(key) {
  const row = document.createElement("tr");
  row.dataset.key = key;
  const name = element(row, "th");
  name.scope = "row";
  element(name, "bdi");
  element(name, "small");
  element(element(row, "td", "owner"), "bdi");
  element(element(row, "td"), "span");
  const progress = element(row, "td");
  element(progress, "progress").max = 100;
  element(progress, "span", "amount");
  for (let count = 0; count < 3; count += 1) element(row, "td", "number");
  return row;
}

function element(parent, name, className = "") {
  const made = parent.appendChild(document.createElement(name));
  if (className) made.className = className;
  return made;
}

function fill(row, session, nowMs, rate) {
  const [name, owner, state, progress, speed, age, idle] = row.cells;
  const { received, total } = session;
  setText(name.children[0], visible(nameOf(session)));
  setText(name.children[1], session.id);
  setText(owner.firstChild, visible(session.owner ?? "–"));
  setText(state.firstChild, session.state);
  state.firstChild.className = "tag " + session.state;
  const [bar, amount] = progress.children;
  const part = total ? Math.floor(100 * (received ?? 0) / total) : 0;
  bar.value = total === 0 ? 100 : part;
  bar.setAttribute("aria-label", "Progress of " + visible(nameOf(session)));
  setText(amount, total === null ? size(received ?? 0) : `${bar.value}% · ${size(received ?? 0)} of ${size(total)}`);
  setText(speed, rate ? size(rate) + "/s" : "–");
  setText(age, time(nowMs - session.created_ms));
  setText(idle, time(nowMs - session.last_active_ms));
}

function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

const keyOf = session => session.prefix + " " + session.id;
const nameOf = session => session.prefix + session.target;

// Replaces invisible characters, and those that change the direction of text, by their code points.
function visible(text) {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, sign => "\\u{" + sign.codePointAt(0).toString(16) + "}");
}

function size(bytes) {
  const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
  let unit = 0;
  while (bytes >= 1024 && unit < units.length - 1) [bytes, unit] = [bytes / 1024, unit + 1];
  return (unit === 0 ? Math.round(bytes) : bytes.toFixed(1)) + " " + units[unit];
}

function time(ms) {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 60) return seconds + " s";
  if (seconds < 3600) return Math.floor(seconds / 60) + " min";
  if (seconds < 172800) return Math.floor(seconds / 3600) + " h";
  return Math.floor(seconds / 86400) + " d";
}

byId("filter").addEventListener("input", () => latest && show());
refresh();
