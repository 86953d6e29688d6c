// The audit log: who changed what, what was before and after, and from where.

import { withQuery } from "../api.js";
import { Difference } from "../diff.js";
import { html, useState } from "../dom.js";
import { Dialog, Empty, Facts, Heading, List, Mark, When } from "../parts.js";
import { go, to } from "../route.js";
import { full } from "../time.js";

const KINDS = ["key", "user", "role", "group", "grant", "agent", "tenant", "response", "approval", "webhook"];
const DAY = 86400;
const SINCE = [["", "any time"], ["1", "the last day"], ["7", "7 days"], ["30", "30 days"]];
const WAYS = { http: "over HTTP", cli: "on a command line", console: "on the console", server: "the service itself" };

export function Audit({ query }) {
  const [shown, show] = useState(null);
  const { actor = "", kind = "", target = "", days = "" } = query;
  const since = days ? Math.floor(Date.now() / 1000 / 60) * 60 - Number(days) * DAY : "";
  const columns = [
    { title: "When", cell: (entry) => html`<${When} at=${entry.at} />` },
    { title: "Who", cell: (entry) => html`${entry.actor.user || "–"} <${Mark}>${entry.actor.via}</${Mark}>` },
    { title: "What", cell: (entry) => html`<code>${entry.action}</code>` },
    { title: "Of", cell: (entry) => entry.target, wide: true },
    { title: "", cell: (entry) => html`<button type="button" class="small secondary outline" aria-label=${`Show ${entry.action} of ${entry.target}`}
      onClick=${() => show(entry)}>Show</button>` },
  ];
  const isAll = !(actor || kind || target || days);
  const empty = html`<${Empty} title=${isAll ? "Nothing was changed yet" : "No such change"}>
    <p>Every change of an agent, key, user, role, group, grant or limit is noted here, however it was made.</p>
    ${!isAll && html`<p><a role="button" href=${to("audit")}>Show all changes</a></p>`}</${Empty}>`;
  function filter(event) {
    event.preventDefault();
    go(withQuery(to("audit"), Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, value.trim()]))));
  }
  return html`<${Heading} title="Audit" />
    <form class="filters" aria-label="Filter" key=${JSON.stringify(query)} onSubmit=${filter}>
      <label>By <input name="actor" value=${actor} placeholder="anybody" autocomplete="off" /></label>
      <label>Kind <select name="kind"><option value="">any</option>
        ${KINDS.map((each) => html`<option value=${each} selected=${each === kind}>${each}</option>`)}</select></label>
      <label>Of <input name="target" value=${target} placeholder="agent:helper" autocomplete="off" /></label>
      <label>Since <select name="days">${SINCE.map(([value, title]) => html`<option value=${value} selected=${value === days}>${title}</option>`)}</select></label>
      <button type="submit" class="secondary">Filter</button></form>
    <${List} label="Audit" path=${withQuery("/v1/admin/audit", { actor, kind, target, since })} columns=${columns} empty=${empty} />
    ${shown && html`<${Entry} entry=${shown} onClose=${() => show(null)} />`}`;
}

function Entry({ entry, onClose }) {
  const { actor, before, after } = entry;
  return html`<${Dialog} title=${entry.action} onClose=${onClose}>
    <${Facts} rows=${[
      ["Of", entry.target],
      ["When", full(entry.at)],
      ["Who", `${actor.user || "unknown"}, ${WAYS[actor.via] ?? actor.via}`],
      actor.key_id && ["Key", html`<a href=${to("keys", actor.key_id)}>${actor.key_id}</a>`],
      (actor.address || actor.host) && ["From", [actor.address, actor.host].filter(Boolean).join(", ")],
      ["Kept until", html`<${When} at=${entry.expires_at} />`],
    ]} />
    ${(before || after) && html`<${Difference} label="What changed" before=${before ?? {}} after=${after ?? {}} />`}
    <footer><button type="button" class="secondary outline" onClick=${onClose}>Close</button></footer></${Dialog}>`;
}
