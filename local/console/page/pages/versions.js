// Versions of an agent: what each changed, and a former one brought back. Agents that were deleted.

import { get, pathOf, post } from "../api.js";
import { Difference } from "../diff.js";
import { html, useState } from "../dom.js";
import { Confirm, Dialog, Empty, Failure, Heading, List, Loading, Mark, When } from "../parts.js";
import { go, to } from "../route.js";

const ABOUT = ["object", "id", "version", "digest", "created_at", "updated_at", "author"];

export function Versions({ id }) {
  const [turn, again] = useState(0);
  const [shown, show] = useState(null);
  const [back, roll] = useState(null);
  const path = pathOf("/v1/admin/agents/{}/versions", id);
  const columns = [
    { title: "Version", cell: (row) => html`${row.version}${row.in_force && html` <${Mark} kind="good">in force</${Mark}>`}` },
    { title: "Model", cell: (row) => `${row.provider} / ${row.model}`, wide: true },
    { title: "Made", cell: (row) => html`<${When} at=${row.updated_at} />` },
    { title: "Digest", cell: (row) => html`<code>${row.digest.slice(0, 12)}</code>`, wide: true },
    { title: "", cell: (row) => html`<div class="actions">
      ${row.version > 1 && html`<button type="button" class="small secondary outline" aria-label=${`Show what version ${row.version} changed`}
        onClick=${() => show(row.version)}>Changes</button>`}
      ${!row.in_force && html`<button type="button" class="small" aria-label=${`Bring version ${row.version} back`}
        onClick=${() => roll(row.version)}>Bring back …</button>`}</div>` },
  ];
  return html`<p>Each change of the agent makes a version. Each response has the number of the one that answered.</p>
    <${List} label="Versions" path=${path} columns=${columns} turn=${turn} empty=${html`<${Empty} title="No versions are kept" />`} />
    ${shown && html`<${Changes} path=${path} version=${shown} onClose=${() => show(null)} />`}
    ${back && html`<${Confirm} title=${`Bring version ${back} back?`} action="Bring it back" keep="Leave it" mild onClose=${() => roll(null)}
      perform=${() => post(pathOf("/v1/admin/agents/{}/rollback", id), { version: back })} onDone=${() => { roll(null); again(turn + 1); }}>
      <p>The agent gets the content of version ${back} as a new version. New responses use it.</p></${Confirm}>`}`;
}

function Changes({ path, version, onClose }) {
  const [state, set] = useState({ busy: false });
  if (!state.busy) {
    state.busy = true;
    Promise.all([version - 1, version].map((each) => get(`${path}/${each}`))).then(
      ([before, after]) => set({ busy: true, before, after }), (error) => set({ busy: true, error }));
  }
  return html`<${Dialog} title=${`What version ${version} changed`} onClose=${onClose}>
    <${Failure} error=${state.error} />
    ${!state.after && !state.error && html`<${Loading} />`}
    ${state.after && html`<${Difference} label="Changes" before=${content(state.before)} after=${content(state.after)} />`}
    <footer><button type="button" class="secondary outline" onClick=${onClose}>Close</button></footer></${Dialog}>`;
}

const content = (document) => Object.fromEntries(Object.entries(document).filter(([name]) => !ABOUT.includes(name)));

export function Deleted() {
  const [asked, ask] = useState(null);
  const columns = [
    { title: "Agent", cell: (row) => row.id },
    { title: "Author", cell: (row) => row.author, wide: true },
    { title: "Deleted", cell: (row) => html`<${When} at=${row.deleted_at} />` },
    { title: "Kept until", cell: (row) => html`<${When} at=${row.restorable_until} />`, wide: true },
    { title: "", cell: (row) => html`<button type="button" class="small" aria-label=${`Restore ${row.id}`} onClick=${() => ask(row.id)}>Restore …</button>` },
  ];
  return html`<${Heading} title="Deleted agents"><a role="button" class="secondary outline" href=${to("agents")}>Back to the agents</a></${Heading}>
    <${List} label="Deleted agents" path="/v1/admin/deleted-agents" columns=${columns}
      empty=${html`<${Empty} title="No deleted agents"><p>A deleted agent is kept here for 30 days, with its versions and grants.</p></${Empty}>`} />
    ${asked && html`<${Confirm} title=${`Restore agent ${asked}?`} action="Restore it" keep="Leave it" mild onClose=${() => ask(null)}
      perform=${() => post(pathOf("/v1/admin/deleted-agents/{}/restore", asked), {})} onDone=${() => go(to("agents", asked))}>
      <p>It comes back with its versions and grants, and callers can use it at once.</p></${Confirm}>`}`;
}
