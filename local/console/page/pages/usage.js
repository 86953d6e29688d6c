// What one user, key, agent or model used, by day.

import { withQuery } from "../api.js";
import { html } from "../dom.js";
import { Empty, Facts, Failure, Heading, Loading, useRead } from "../parts.js";
import { to } from "../route.js";
import { number, usd } from "../time.js";
import { Totals } from "./today.js";

const DAY = 86400000;
const DAYS = 30;

const PLACES = { user: ["people", "users"], key: ["keys"], agent: ["agents"] };

const NAMES = {
  requests_per_minute: "Requests a minute", tokens_per_day: "Tokens today", tokens_per_month: "Tokens this month", usd_per_month: "Cost this month",
};

// The limits in force of a user, key or agent, and what is used of them; nothing if it is gone.
function LimitsOf({ kind, id }) {
  const { data } = useRead(withQuery("/v1/admin/usage/limits", { by: kind, of: id }));
  if (!data?.limits.length) return null;
  return html`<h2>Limits</h2><${Facts} rows=${data.limits.map((limit) => [NAMES[limit.name], html`<${Share} limit=${limit} />`])} />`;
}

function Share({ limit: { name, limit, used } }) {
  const show = name === "usd_per_month" ? usd : number;
  if (used === null) return html`at most ${show(limit)}`;
  const text = `${show(used)} of ${show(limit)}`;
  return html`${text}<progress value=${Math.min(used, limit)} max=${limit} aria-label=${text} />`;
}

export function UsageOf({ at: [kind, id] }) {
  const range = { from: new Date(Date.now() - (DAYS - 1) * DAY).toISOString().slice(0, 10), to: new Date().toISOString().slice(0, 10) };
  const { data, error } = useRead(withQuery("/v1/admin/usage/days", { by: kind, of: id, ...range }));
  const back = PLACES[kind] && html`<a role="button" class="secondary outline" href=${to(...PLACES[kind], id)}>Back to the ${kind}</a>`;
  return html`<${Heading} title=${`Usage of ${id}`}>${back}</${Heading}>
    <p class="muted">The last ${DAYS} days.</p>
    <${Failure} error=${error} />
    ${!data && !error ? html`<${Loading} />` : data && (data.requests ? html`<${Totals} used=${data} days=${data.days} range=${range} />`
      : html`<${Empty} title="Nothing was used in this time"><p>Every response that ends is counted here.</p></${Empty}>`)}
    ${PLACES[kind] && html`<${LimitsOf} kind=${kind} id=${id} />`}`;
}
