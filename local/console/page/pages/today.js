// Today: requests, tokens, cost and errors of the tenant, by day; what waits; and who used it.

import { get, withQuery } from "../api.js";
import { Bars } from "../chart.js";
import { html, useEffect, useState } from "../dom.js";
import { Empty, Failure, Heading, List, Loading, Table, Tabs, useRead } from "../parts.js";
import { go, to } from "../route.js";
import { number, usd } from "../time.js";

const DAY = 86400;
const SHOWN = 14;
const PERIODS = [["1", "Today"], ["7", "7 days"], ["30", "30 days"], ["90", "90 days"]];
const KINDS = [["user", "By user"], ["key", "By key"], ["agent", "By agent"], ["model", "By model"]];
const LINKS = { user: (id) => to("people", "users", id), key: (id) => to("keys", id), agent: (id) => to("agents", id) };

export function Today({ at, query }) {
  const kind = KINDS.some(([name]) => name === at[0]) ? at[0] : "";
  const days = PERIODS.some(([name]) => name === query.days) ? query.days : "1";
  const address = (part, period) => withQuery(to(...["today", part].filter(Boolean)), { days: period });
  const tabs = [["", "All", address("", days)], ...KINDS.map(([name, title]) => [name, title, address(name, days)])];
  const range = { from: dayOf(Number(days) - 1), to: dayOf(0) };
  return html`<${Heading} title=${PERIODS.find(([name]) => name === days)[1]}>
      <label class="period">Period <select value=${days} onChange=${(event) => go(address(kind, event.target.value))}>
        ${PERIODS.map(([name, title]) => html`<option value=${name}>${title}</option>`)}</select></label></${Heading}>
    <${Tabs} label="Usage" tabs=${tabs} at=${kind} />
    ${kind ? html`<${Used} key=${`${kind}${days}`} kind=${kind} range=${range} />` : html`<${Whole} range=${days === "1" ? { ...range, from: dayOf(SHOWN - 1) } : range} today=${days === "1" && range.to} />`}`;
}

const NOTHING = { requests: 0, failed: 0, input_tokens: 0, output_tokens: 0, cached_tokens: 0, unpriced_tokens: 0, tool_calls: 0, usd: null, errors: {} };

const dayOf = (before) => new Date(Date.now() - before * DAY * 1000).toISOString().slice(0, 10);

// With `today`, the numbers are those of that day, and the bars those of the days before, too.
function Whole({ range, today }) {
  const { data, error } = useRead(withQuery("/v1/admin/usage/days", range));
  if (error) return html`<${Failure} error=${error} />`;
  if (!data) return html`<${Loading} />`;
  return html`<${Waiting} />${data.requests ? html`<${Totals} used=${today ? data.days.find((each) => each.day === today) ?? NOTHING : data} days=${data.days} range=${range} />` : html`
    <${Empty} title="Nothing was used in this time">
      <p>Every response that ends is counted here, with its tokens and, if a price is known, its cost.</p>
      <p><a role="button" href=${to("agents")}>Try an agent</a></p></${Empty}>`}`;
}

// Whether calls of tools wait for an approval. Read beside the use, since it needs a right of its own.
function Waiting() {
  const [text, set] = useState("");
  useEffect(() => {
    let left = false;
    const told = ({ data, has_more: more }) => left || set(data.length ? `${data.length}${more ? " or more" : ""}` : "none");
    get("/v1/admin/approvals?limit=20").then(told, () => left || set("not to be seen"));
    return () => { left = true; };
  }, []);
  return html`<p class="waiting">Waiting approvals: <a href=${to("approvals")}>${text || "…"}</a></p>`;
}

export function Totals({ used, days: counted, range }) {
  const failed = Object.entries(used.errors).map(([code, count]) => ({ id: code, count }));
  const by = new Map(counted.map((day) => [day.day, day]));
  const days = between(range).map((day) => by.get(day) ?? { ...NOTHING, day });
  return html`
    <div class="tiles">
      <${Tile} name="Requests" value=${number(used.requests)} more=${`${number(used.failed)} failed`} />
      <${Tile} name="Tokens" value=${number(used.input_tokens + used.output_tokens)}
        more=${`${number(used.input_tokens)} in, ${number(used.output_tokens)} out`} />
      <${Tile} name="Cost" value=${usd(used.usd)} more=${!used.requests ? "nothing was used" : used.unpriced_tokens ? `${number(used.unpriced_tokens)} tokens have no price` : "all tokens have a price"} />
      <${Tile} name="Calls of tools" value=${number(used.tool_calls)} more=${`${number(used.cached_tokens)} tokens from a cache`} />
    </div>
    <h2>Requests by day</h2>
      <${Bars} label="Requests by day" days=${days.map((day) => ({ day: day.day, value: day.requests }))} />
      <details><summary>As a table</summary><${Table} label="By day" rows=${days.map((day) => ({ ...day, id: day.day }))} columns=${[
        { title: "Day", cell: (day) => day.day }, { title: "Requests", cell: (day) => number(day.requests) },
        { title: "Tokens", cell: (day) => number(day.input_tokens + day.output_tokens) }, { title: "Cost", cell: (day) => usd(day.usd) }]} /></details>
    <h2>Errors by code</h2>
    ${failed.length ? html`<${Table} label="Errors" rows=${failed} columns=${[
      { title: "Code", cell: (row) => html`<code>${row.id}</code>` }, { title: "Responses", cell: (row) => number(row.count) }]} />`
      : html`<p class="muted">No response failed.</p>`}`;
}

const Tile = ({ name, value, more }) => html`<div class="tile"><span>${name}</span><b>${value}</b><small>${more}</small></div>`;

function Used({ kind, range }) {
  const name = kind[0].toUpperCase() + kind.slice(1);
  const columns = [
    { title: name, cell: (row) => (LINKS[kind] ? html`<a href=${LINKS[kind](row.id)}>${row.id}</a>` : row.id) },
    { title: "Requests", cell: (row) => number(row.requests) },
    { title: "Failed", cell: (row) => number(row.failed), wide: true },
    { title: "Tokens in", cell: (row) => number(row.input_tokens), wide: true },
    { title: "Tokens out", cell: (row) => number(row.output_tokens), wide: true },
    { title: "Calls of tools", cell: (row) => number(row.tool_calls), wide: true },
    { title: "Cost", cell: (row) => usd(row.usd) },
  ];
  const empty = html`<${Empty} title="Nothing was used in this time"><p><a role="button" href=${to("agents")}>Try an agent</a></p></${Empty}>`;
  return html`<${List} label=${`Used by ${kind}`} path=${withQuery("/v1/admin/usage", { by: kind, ...range })} columns=${columns} empty=${empty} />`;
}

function between({ from, to: last }) {
  const days = [];
  for (let at = Date.parse(from); at <= Date.parse(last); at += DAY * 1000) days.push(new Date(at).toISOString().slice(0, 10));
  return days;
}
