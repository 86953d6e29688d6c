// Limits in forms: a field for each number, and the rest as JSON.

import { html } from "./dom.js";
import { Field, objectOf } from "./form.js";

const NUMBERS = [
  ["requests_per_minute", "Requests a minute", "1"],
  ["tokens_per_day", "Tokens a day", "1"],
  ["tokens_per_month", "Tokens a month", "1"],
  ["usd_per_month", "US dollars a month", "any"],
];
const NAMES = NUMBERS.map(([name]) => name);

// `whole`: also what is no number, such as the models that are allowed.
export function Limits({ value = {}, whole = true }) {
  const more = Object.fromEntries(Object.entries(value).filter(([name]) => !NAMES.includes(name)));
  const has = Object.keys(more).length > 0;
  return html`<fieldset><legend>Limits</legend>
    <div class="quad">${NUMBERS.map(([name, label, step]) => html`
      <${Field} name=${name} label=${label} type="number" min="0" step=${step} value=${value[name] ?? ""} placeholder="no limit" />`)}</div>
    ${whole && html`<details open=${has}><summary>Models, defaults and maximums</summary>
      <${Field} name="limits" label="As JSON" area rows="6" spellcheck="false" value=${has ? JSON.stringify(more, null, 2) : ""}
        hint='For instance {"models": ["gpt-*"], "maximums": {"max_output_tokens": 4000}, "retention_days": 30}.' /></details>`}
  </fieldset>`;
}

export function limitsOf(data) {
  const numbers = NAMES.filter((name) => data.get(name)).map((name) => [name, Number(data.get(name))]);
  return { ...(data.has("limits") ? objectOf(data, "limits") : {}), ...Object.fromEntries(numbers) };
}
