// Users, roles, groups, and the tenant's limits.

import { pathOf, put, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { Checks, Field, Form, names } from "../form.js";
import { Limits, limitsOf } from "../limits.js";
import { Confirm, Empty, Facts, Failure, Heading, List, Loading, Mark, Tabs, useRead } from "../parts.js";
import { Personal } from "../personal.js";
import { go, to } from "../route.js";
import { number, usd } from "../time.js";

const TABS = [
  ["users", "Users", to("people")],
  ["roles", "Roles", to("people", "roles")],
  ["groups", "Groups", to("people", "groups")],
  ["tenant", "Limits of all", to("people", "tenant")],
  ["why", "Why may she not?", to("people", "why")],
];
const PERMISSIONS = ["USE", "CREATE", "SHARE", "SHARE_PUBLIC"];
const RIGHTS = [
  ...["agents", "keys", "people", "limits", "responses", "approvals", "webhooks"].flatMap((area) => [`${area}:read`, `${area}:write`]),
  "content:read", "usage:read", "audit:read",
];

const KINDS = {
  users: {
    one: "user", title: "Users",
    columns: [
      { title: "User", cell: (user) => html`<a href=${to("people", "users", user.id)}>${user.id}</a>` },
      { title: "Name", cell: (user) => user.name, wide: true },
      { title: "Role", cell: (user) => html`<a href=${to("people", "roles", user.role)}>${user.role}</a>` },
      { title: "Groups", cell: (user) => user.groups.join(", "), wide: true },
    ],
    about: "A user is a person or a service that owns API keys.",
    Form: UserForm,
  },
  roles: {
    one: "role", title: "Roles",
    columns: [
      { title: "Role", cell: (role) => html`<a href=${to("people", "roles", role.id)}>${role.id}</a>` },
      { title: "Permissions", cell: (role) => role.permissions.join(", ") },
      { title: "Manages", cell: (role) => (role.manage.length === RIGHTS.length ? "everything" : role.manage.join(", ")), wide: true },
      { title: "", cell: (role) => role.built_in && html`<${Mark}>built in</${Mark}>`, wide: true },
    ],
    about: "A role decides what its users may do at all, and their limits.",
    Form: RoleForm,
  },
  groups: {
    one: "group", title: "Groups",
    columns: [
      { title: "Group", cell: (group) => html`<a href=${to("people", "groups", group.id)}>${group.id}</a>` },
      { title: "Name", cell: (group) => group.name },
    ],
    about: "A group is a set of users who are given agents together.",
    Form: GroupForm,
  },
};

export function People({ at, query }) {
  const [part = "users", id] = at;
  return html`<${Heading} title="People">
      ${KINDS[part] && id === undefined && html`<a role="button" href=${to("people", part, "+")}>New ${KINDS[part].one}</a>`}</${Heading}>
    <${Tabs} label="People" tabs=${TABS} at=${part} />
    ${part === "tenant" ? html`<${Tenant} />`
      : part === "why" ? html`<${WhyOf} />`
      : KINDS[part] === undefined ? html`<p>There is no such page.</p>`
      : id === undefined ? html`<${All} part=${part} />`
      : html`<${One} key=${`${part}/${id}`} part=${part} id=${id} />`}`;
}

function All({ part }) {
  const kind = KINDS[part];
  const empty = html`<${Empty} title=${`No ${part} yet`}><p>${kind.about}</p>
    <p><a role="button" href=${to("people", part, "+")}>Make the first ${kind.one}</a></p></${Empty}>`;
  return html`<${List} key=${part} label=${kind.title} path=${`/v1/admin/${part}`} columns=${kind.columns} empty=${empty} />`;
}

function One({ part, id }) {
  const kind = KINDS[part];
  const isNew = id === "+";
  const path = pathOf(`/v1/admin/${part}/{}`, id);
  const { data, error, reload } = useRead(isNew ? null : path);
  const [asking, ask] = useState(false);
  const [saved, setSaved] = useState("");
  if (error) return html`<${Failure} error=${error} />`;
  if (!isNew && !data) return html`<${Loading} />`;
  async function save(form, body) {
    setSaved("");
    const name = isNew ? form.get("id").trim() : id;
    await put(pathOf(`/v1/admin/${part}/{}`, name), body);
    if (isNew) return go(to("people", part, name));
    setSaved("Saved.");
    reload();
  }
  return html`
    <h2>${isNew ? `New ${kind.one}` : id}</h2>
    <${kind.Form} isNew=${isNew} data=${data ?? {}} save=${save}
      also=${!isNew && html`<button type="button" class="danger outline" onClick=${() => ask(true)}>Delete …</button>`} />
    <p role="status" class="done">${saved}</p>
    ${part === "users" && data && html`<${OfUser} user=${data} />
      <${Personal} user=${id} onErased=${() => go(to("people", part))} />`}
    ${asking && html`<${Confirm} title=${`Delete ${kind.one} ${id}?`} action="Delete it" onClose=${() => ask(false)}
      perform=${() => remove(path)} onDone=${() => go(to("people", part))}><p>${REMOVAL[part]}</p></${Confirm}>`}`;
}

const REMOVAL = {
  users: "Its keys are revoked and its grants are taken back.",
  roles: "Its grants are taken back. A built-in role goes back to what it was.",
  groups: "Its users leave it, and its grants are taken back.",
};

const Id = ({ isNew }) => isNew && html`<${Field} name="id" label="Id" required hint="Letters, digits and . _ @ + | -" />`;

function UserForm({ isNew, data, save, also }) {
  const submit = (form) => save(form, { name: form.get("name").trim(), role: form.get("role").trim(), groups: names(form.get("groups")) });
  return html`<${Form} label="User" submit=${submit} action=${isNew ? "Make the user" : "Save"} also=${also}>
    <${Id} isNew=${isNew} />
    <${Field} name="name" label="Name" value=${data.name ?? ""} />
    <${Field} name="role" label="Role" required value=${data.role ?? "USER"} options=${["USER", "ADMIN"]} hint="What the user may do at all." />
    <${Field} name="groups" label="Groups" value=${(data.groups ?? []).join(", ")} hint="Ids, separated by commas." />
  </${Form}>`;
}

function RoleForm({ isNew, data, save, also }) {
  const submit = (form) => save(form, { permissions: form.getAll("permissions"), manage: form.getAll("manage"), limits: limitsOf(form) });
  return html`<${Form} label="Role" submit=${submit} action=${isNew ? "Make the role" : "Save"} also=${also}>
    <${Id} isNew=${isNew} />
    <${Checks} legend="Its users may" name="permissions" options=${PERMISSIONS} checked=${data.permissions ?? ["USE"]} />
    <${Checks} legend="Their management keys may" name="manage" options=${RIGHTS} checked=${data.manage ?? []} />
    <${Limits} value=${data.limits} />
  </${Form}>`;
}

function GroupForm({ isNew, data, save, also }) {
  return html`<${Form} label="Group" submit=${(form) => save(form, { name: form.get("name").trim() })}
    action=${isNew ? "Make the group" : "Save"} also=${also}>
    <${Id} isNew=${isNew} /><${Field} name="name" label="Name" value=${data.name ?? ""} /></${Form}>`;
}

// What was used of a limit, as a bar if there is one.
function Share({ used, most, show }) {
  if (!most) return html`${show(used)} <span class="muted">of no limit</span>`;
  return html`${show(used)} of ${show(most)}
    <progress value=${Math.min(used ?? 0, most)} max=${most} aria-label=${`${show(used)} of ${show(most)}`} />`;
}

function Use({ limits, used }) {
  if (!used) return html`<p class="muted">To see what was used, your role needs usage:read.</p>`;
  return html`<${Facts} rows=${[
    ["Requests", html`${number(used.requests_this_month)} this month${limits.requests_per_minute ? `, at most ${number(limits.requests_per_minute)} a minute` : ""}`],
    ["Tokens today", html`<${Share} used=${used.tokens_today} most=${limits.tokens_per_day} show=${number} />`],
    ["This month", html`<${Share} used=${used.tokens_this_month} most=${limits.tokens_per_month} show=${number} />`],
    ["Cost", html`<${Share} used=${used.usd_this_month} most=${limits.usd_per_month} show=${usd} />`],
  ]} />`;
}

// The limits of one user alone.
function OwnLimits({ user }) {
  const [saved, setSaved] = useState("");
  async function save(form) {
    setSaved("");
    await put(pathOf("/v1/admin/users/{}/limits", user.id), limitsOf(form));
    setSaved("Saved. They hold within a minute.");
  }
  return html`<h2>Limits of ${user.id} alone</h2>
    <p>They can only narrow those of the deployment, the tenant and the role.</p>
    <${Form} label="Limits of the user" submit=${save} action="Save the limits"><${Limits} value=${user.own_limits} /></${Form}>
    <p role="status" class="done">${saved}</p>`;
}

function OfUser({ user }) {
  const agents = Object.entries(user.agents ?? {});
  return html`<h2>What ${user.id} used</h2><${Use} limits=${user.limits} used=${user.used} />
    <${OwnLimits} user=${user} />
    <h2>What ${user.id} may</h2>
    <${Facts} rows=${[["Permissions", user.permissions?.join(", ") || "none"],
      ["Manages", user.manage?.length ? user.manage.join(", ") : "nothing"],
      ["Agents", agents.length ? html`<ul>${agents.map(([id, level]) => html`<li><a href=${to("agents", id, "access")}>${id}</a> (${level})</li>`)}${user.has_more_agents && html`<li>and more</li>`}</ul>` : "none"]]} />
    <p><a href=${`${to("keys")}?${new URLSearchParams({ user: user.id })}`}>Keys</a> · <a href=${to("responses", user.id)}>Responses</a> · <a href=${to("usage", "user", user.id)}>Usage</a></p>`;
}

function Tenant() {
  const { data, error, reload } = useRead("/v1/admin/tenant");
  const [saved, setSaved] = useState("");
  if (error) return html`<${Failure} error=${error} />`;
  if (!data) return html`<${Loading} />`;
  async function save(form) {
    setSaved("");
    await put("/v1/admin/tenant", { limits: limitsOf(form) });
    setSaved("Saved.");
    reload();
  }
  return html`<p>These limits hold for everybody in the tenant <b>${data.id}</b>. A role can narrow them further.</p>
    <${Form} label="Limits of the tenant" submit=${save} action="Save"><${Limits} value=${data.limits} /></${Form}>
    <p role="status" class="done">${saved}</p>`;
}

function WhyOf() {
  const submit = (form) => go(`${to("agents", form.get("agent").trim(), "access")}?${new URLSearchParams({ user: form.get("user").trim() })}`);
  return html`<p>Find out whether a user may call an agent, and which role or grant decides it.</p>
    <${Form} label="Why may she not?" submit=${submit} action="Explain">
      <div class="pair"><${Field} name="user" label="User" required /><${Field} name="agent" label="Agent" required /></div></${Form}>`;
}
