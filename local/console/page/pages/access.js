// Who may do what with an agent, and why a user may or may not.

import { pathOf, put, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { Choice, Field, Form } from "../form.js";
import { Confirm, Empty, Facts, Failure, List, Loading, Mark, useRead } from "../parts.js";
import { go, to } from "../route.js";

export function Access({ id, query }) {
  const [turn, again] = useState(0);
  const [taken, take] = useState(null);
  const path = (principal) => pathOf("/v1/admin/agents/{}/grants/{}", id, principal);
  async function grant(data, form) {
    await put(path(data.get("principal").trim()), { level: data.get("level") });
    form.reset();
    again(turn + 1);
  }
  const columns = [
    { title: "Who", cell: (row) => row.principal },
    { title: "May", cell: (row) => row.level },
    { title: "", cell: (row) => html`<button type="button" class="small danger outline" aria-label=${`Take back from ${row.principal}`}
      onClick=${() => take(row.principal)}>Take back …</button>` },
  ];
  return html`
    <${List} label="Grants" path=${pathOf("/v1/admin/agents/{}/grants", id)} columns=${columns} turn=${turn}
      empty=${html`<${Empty} title="Nobody has a grant"><p>Give one below: to a user, a group, a role, or public.</p></${Empty}>`} />
    <h2>Give access</h2>
    <${Form} label="Give access" submit=${grant} action="Grant">
      <div class="pair">
        <${Field} name="principal" label="Who" required placeholder="group:support" hint="user:ID, group:ID, role:ID or public" />
        <${Choice} name="level" label="May" options=${[["viewer", "use it"], ["editor", "use and change it"], ["owner", "everything, also share it"]]} />
      </div></${Form}>
    <h2>Why may she not?</h2>
    <${Why} agent=${id} user=${query.user} />
    ${taken && html`<${Confirm} title="Take the grant back?" action="Take it back" onClose=${() => take(null)}
      perform=${() => remove(path(taken))} onDone=${() => { take(null); again(turn + 1); }}>
      <p><b>${taken}</b> may use ${id} no more, unless another grant allows it.</p></${Confirm}>`}`;
}

export function Why({ agent, user }) {
  const { data, error } = useRead(user ? `${pathOf("/v1/admin/agents/{}/why", agent)}?${new URLSearchParams({ user })}` : null);
  return html`
    <${Form} label="Why may she not?" action="Explain" submit=${(form) => go(`${to("agents", agent, "access")}?${new URLSearchParams({ user: form.get("user").trim() })}`)}>
      <${Field} name="user" label="User" required value=${user ?? ""} hint="Whether this user may call the agent, and what decides it." /></${Form}>
    <div aria-live="polite">
      <${Failure} error=${error} />
      ${user && !data && !error && html`<${Loading} />`}
      ${data && html`<section class="why">
        <p><${Mark} kind=${data.allowed ? "good" : "bad"}>${data.allowed ? "allowed" : "refused"}</${Mark}>
          ${` `}${data.allowed ? `${data.user} may call ${data.agent}.` : data.reason || data.verdict}</p>
        <${Facts} rows=${[["Role", html`<a href=${to("people", "roles", data.role)}>${data.role}</a>`],
          ["Permissions", data.permissions.join(", ") || "none"],
          ...data.grants.map((grant) => [grant.principal, grant.bits ? levelOf(grant.bits) : "no grant"])]} /></section>`}
    </div>`;
}

const LEVELS = { 1: "may use it", 3: "may use and change it", 15: "may do everything" };
const levelOf = (bits) => LEVELS[bits] ?? `bits ${bits}`;
