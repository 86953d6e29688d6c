// What one user, key, agent or model used, by day.

import { withQuery } from "../api.js";
import { html } from "../dom.js";
import { Empty, Failure, Heading, Loading, useRead } from "../parts.js";
import { to } from "../route.js";
import { Totals } from "./today.js";

const DAY = 86400000;
const DAYS = 30;

const PLACES = { user: ["people", "users"], key: ["keys"], agent: ["agents"] };

export function UsageOf({ at: [kind, id] }) {
  const range = { from: new Date(Date.now() - (DAYS - 1) * DAY).toISOString().slice(0, 10), to: new Date().toISOString().slice(0, 10) };
  const { data, error } = useRead(withQuery("/v1/admin/usage/days", { by: kind, of: id, ...range }));
  const back = PLACES[kind] && html`<a role="button" class="secondary outline" href=${to(...PLACES[kind], id)}>Back to the ${kind}</a>`;
  return html`<${Heading} title=${`Usage of ${id}`}>${back}</${Heading}>
    <p class="muted">The last ${DAYS} days.</p>
    <${Failure} error=${error} />
    ${!data && !error ? html`<${Loading} />` : data && (data.requests ? html`<${Totals} used=${data} days=${data.days} range=${range} />`
      : html`<${Empty} title="Nothing was used in this time"><p>Every response that ends is counted here.</p></${Empty}>`)}`;
}
