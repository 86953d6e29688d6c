// What the pages are made of: tables that are read page by page, states without rows, dialogs, tabs, copied text.

import { get, withQuery } from "./api.js";
import { html, useEffect, useId, useRef, useState } from "./dom.js";
import { ago, full } from "./time.js";

const ROWS = 50;

// Read a path when it changes. Return what was read, and a function that reads it again.
export function useRead(path) {
  const [state, set] = useState({ data: null, error: null });
  const [turn, again] = useState(0);
  useEffect(() => {
    let left = false;
    set((before) => (before.path === path ? before : { data: null, error: null }));
    if (path) {
      get(path).then(
        (data) => left || set({ path, data, error: null }),
        (error) => left || set({ path, data: null, error }),
      );
    }
    return () => { left = true; };
  }, [path, turn]);
  return { ...state, reload: () => again((before) => before + 1) };
}

export function Failure({ error }) {
  if (!error) return null;
  return html`<p role="alert" class="failure">${error.message}</p>`;
}

export function Loading({ what = "Loading" }) {
  return html`<p class="loading" aria-busy="true">${what} …</p>`;
}

export function Heading({ title, children }) {
  return html`<div class="heading"><h1 tabindex="-1">${title}</h1><div class="actions">${children}</div></div>`;
}

// The state of a list without rows: it names the next step.
export function Empty({ title, children }) {
  return html`<section class="empty"><h2>${title}</h2>${children}</section>`;
}

// A list that is read page by page. `columns` are { title, cell, wide }; wide ones are left out on a phone.
export function List({ label, path, columns, empty, limit = ROWS, turn = 0 }) {
  const [state, set] = useState({ rows: null, more: false, error: null, busy: false });
  const current = useRef(0);
  async function load(after) {
    const mine = ++current.current;
    set((before) => ({ ...before, busy: true, error: null, rows: after ? before.rows : null }));
    try {
      const page = await get(withQuery(path.split("?")[0], { ...queryOf(path), limit, after }));
      if (mine !== current.current) return;
      set((before) => ({
        rows: after ? [...before.rows, ...page.data] : page.data,
        more: page.has_more, last: page.last_id, error: null, busy: false,
      }));
    } catch (error) {
      if (mine === current.current) set((before) => ({ ...before, error, busy: false }));
    }
  }
  useEffect(() => {
    load();
    return () => { current.current++; };
  }, [path, turn]);
  if (state.error && !state.rows) return html`<${Failure} error=${state.error} />`;
  if (!state.rows) return html`<${Loading} />`;
  if (!state.rows.length) return empty;
  return html`
    <${Table} label=${label} columns=${columns} rows=${state.rows} />
    <${Failure} error=${state.error} />
    ${state.more && html`<button type="button" class="secondary outline" aria-busy=${state.busy} disabled=${state.busy}
      onClick=${() => load(state.last)}>Show more</button>`}`;
}

export function Table({ label, columns, rows }) {
  const wide = (column) => (column.wide ? "wide" : "");
  return html`
    <div class="scroll" role="region" aria-label=${label} tabindex="0">
      <table aria-label=${label}>
        <thead><tr>${columns.map((column) => html`<th scope="col" class=${wide(column)}>${column.title}</th>`)}</tr></thead>
        <tbody>${rows.map((row) => html`<tr key=${row.id ?? row.principal ?? row.key}>
          ${columns.map((column) => html`<td class=${wide(column)}>${column.cell(row)}</td>`)}</tr>`)}</tbody>
      </table>
    </div>`;
}

export function Tabs({ label, tabs, at }) {
  return html`<nav class="tabs" aria-label=${label}><ul>${tabs.map(([name, title, href]) => html`
    <li><a href=${href} aria-current=${name === at ? "page" : undefined}>${title}</a></li>`)}</ul></nav>`;
}

export function When({ at, none = "never" }) {
  if (at === null || at === undefined) return html`<span class="muted">${none}</span>`;
  return html`<time datetime=${new Date(at * 1000).toISOString()} title=${full(at)}>${ago(at)}</time>`;
}

export function Mark({ kind = "", children }) {
  return html`<span class=${`mark ${kind}`}>${children}</span>`;
}

// Names and values.
export function Facts({ rows }) {
  return html`<dl class="facts">${rows.filter(Boolean).map(([name, value]) => html`
    <div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

export function Code({ text, label }) {
  return html`<div class="code"><pre tabindex="0" aria-label=${label}><code>${text}</code></pre>
    <${Copy} text=${text} what=${label} /></div>`;
}

export function Copy({ text, what }) {
  const [done, set] = useState("");
  async function copy() {
    try {
      await navigator.clipboard.writeText(text);
      set("Copied");
    } catch {
      set("Not copied: select it by hand");
    }
  }
  return html`<button type="button" class="small secondary outline" onClick=${copy} aria-label=${`Copy ${what}`}>
    <span aria-live="polite">${done || "Copy"}</span></button>`;
}

export function Dialog({ title, onClose, children }) {
  const dialog = useRef(null);
  const name = useId();
  useEffect(() => { dialog.current.showModal(); }, []);
  return html`<dialog ref=${dialog} aria-labelledby=${name} onClose=${onClose}>
    <article><h2 id=${name}>${title}</h2>${children}</article></dialog>`;
}

// Ask before something is done, then do it. The dialog stays open if it is refused. `mild`: nothing is destroyed.
export function Confirm({ title, action, keep = "Keep it", mild = false, perform, onClose, onDone, children }) {
  const [state, set] = useState({ busy: false, error: null });
  async function confirmed() {
    set({ busy: true, error: null });
    try {
      onDone(await perform());
    } catch (error) {
      set({ busy: false, error });
    }
  }
  return html`<${Dialog} title=${title} onClose=${onClose}>
    ${children}
    <${Failure} error=${state.error} />
    <footer><button type="button" class="secondary outline" onClick=${onClose}>${keep}</button>
      <button type="button" class=${mild ? "" : "danger"} aria-busy=${state.busy} disabled=${state.busy} onClick=${confirmed}>
        ${action}</button></footer></${Dialog}>`;
}

function queryOf(path) {
  return Object.fromEntries(new URLSearchParams(path.split("?")[1] ?? ""));
}
