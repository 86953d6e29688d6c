// API keys: list, make and revoke them. A key is shown once, when it is made.

import { pathOf, post, put, remove, withQuery } from "../api.js";
import { html, useState } from "../dom.js";
import { useFacts } from "../facts.js";
import { FirstCall } from "../first-call.js";
import { Check, Choice, Field, Form, names } from "../form.js";
import { Limits, limitsOf } from "../limits.js";
import { Confirm, Copy, Empty, Facts, Failure, Heading, List, Loading, Mark, useRead, When } from "../parts.js";
import { go, to } from "../route.js";

const DAY = 86400;
const LASTS = [["", "never"], ["1", "in a day"], ["30", "in 30 days"], ["90", "in 90 days"], ["365", "in a year"]];
const KINDS = { active: "good", expired: "muted", revoked: "bad" };

export function Keys({ at, query }) {
  if (at[0] === "+") return html`<${New} query=${query} />`;
  return at[0] ? html`<${One} key=${at[0]} id=${at[0]} />` : html`<${All} user=${query.user ?? ""} />`;
}

function All({ user }) {
  const [revoked, revoke] = useState(null);
  const [turn, again] = useState(0);
  const columns = [
    { title: "Key", cell: (key) => html`<a href=${to("keys", key.id)}><code>${key.prefix}…</code></a>${key.management && html` <${Mark}>management</${Mark}>`}` },
    { title: "For", cell: (key) => key.name, wide: true },
    { title: "User", cell: (key) => html`<a href=${to("people", "users", key.user)}>${key.user}</a>` },
    { title: "State", cell: (key) => html`<${Mark} kind=${KINDS[key.state]}>${key.state}</${Mark}>` },
    { title: "Limited to", cell: (key) => [key.read_only && "reading", ...(key.agents ?? [])].filter(Boolean).join(", "), wide: true },
    { title: "Expires", cell: (key) => html`<${When} at=${key.expires_at} />`, wide: true },
    { title: "Last used", cell: (key) => html`<${When} at=${key.last_used_at} />`, wide: true },
    { title: "", cell: (key) => key.state === "active" && html`<button type="button" class="small danger outline"
      aria-label=${`Revoke ${key.prefix}`} onClick=${() => revoke(key)}>Revoke …</button>` },
  ];
  const empty = html`<${Empty} title=${user ? `${user} has no keys` : "No keys yet"}>
    <p>A key belongs to a user and calls the agents that the user may use.</p>
    <p><a role="button" href=${withQuery(to("keys", "+"), { user })}>Make a key</a></p></${Empty}>`;
  return html`
    <${Heading} title="Keys"><a role="button" href=${withQuery(to("keys", "+"), { user })}>New key</a></${Heading}>
    <form class="line" aria-label="Filter" key=${user} onSubmit=${(event) => {
      event.preventDefault();
      go(withQuery(to("keys"), { user: new FormData(event.currentTarget).get("user").trim() }));
    }}><label>Of user <input type="search" name="user" value=${user} autocomplete="off" placeholder="everybody" /></label>
      <button type="submit" class="secondary">Show</button></form>
    <${List} label="Keys" path=${withQuery("/v1/admin/keys", { user })} columns=${columns} empty=${empty} turn=${turn} />
    ${revoked && html`<${Confirm} title=${`Revoke key ${revoked.prefix}…?`} action="Revoke it" onClose=${() => revoke(null)}
      perform=${() => remove(pathOf("/v1/admin/keys/{}", revoked.id))} onDone=${() => { revoke(null); again(turn + 1); }}>
      <p>Whoever uses it is refused from then on. A revoked key cannot be used again.</p></${Confirm}>`}`;
}

function New({ query }) {
  const facts = useFacts();
  const [made, setMade] = useState(null);
  async function create(data) {
    const days = Number(data.get("lasts"));
    const agents = names(data.get("agents"));
    setMade(await post("/v1/admin/keys", {
      user: data.get("user").trim(),
      name: data.get("name").trim(),
      expires_at: days ? Math.floor(Date.now() / 1000) + days * DAY : null,
      agents: agents.length ? agents : null,
      read_only: data.has("read_only"),
      management: data.has("management"),
      limits: limitsOf(data),
    }));
  }
  if (made) return html`<${Made} made=${made} />`;
  return html`<${Heading} title="New key" />
    <${Form} label="New key" submit=${create} action="Make the key"
      also=${html`<a role="button" class="secondary outline" href=${to("keys")}>Cancel</a>`}>
      <${Field} name="user" label="User" required value=${query.user || facts.user} hint="Whose key it is." />
      <${Field} name="name" label="What it is for" maxlength="256" />
      <${Choice} name="lasts" label="Expires" options=${LASTS} value="90" />
      <${Field} name="agents" label="Only for these agents" value=${query.agents ?? ""} hint="Ids, separated by commas. Empty: all that the user may use." />
      <${Check} name="read_only" label="It may only read" />
      <${Check} name="management" label="It is a management key" hint="It manages what its user's role may, over HTTP, and cannot call agents." />
      <${Limits} whole=${false} />
    </${Form}>`;
}

function One({ id }) {
  const path = pathOf("/v1/admin/keys/{}", id);
  const { data: key, error, reload } = useRead(path);
  const [saved, setSaved] = useState("");
  if (error) return html`<${Heading} title="Key" /><${Failure} error=${error} />`;
  if (!key) return html`<${Heading} title="Key" /><${Loading} />`;
  async function save(data) {
    setSaved("");
    await put(`${path}/limits`, limitsOf(data));
    setSaved("Saved.");
    reload();
  }
  return html`<${Heading} title=${key.name || "Key"} />
    <${Facts} rows=${[
      ["Key", html`<code>${key.prefix}…</code>`],
      ["State", html`<${Mark} kind=${KINDS[key.state]}>${key.state}</${Mark}>`],
      ["User", html`<a href=${to("people", "users", key.user)}>${key.user}</a>`],
      ["May", key.management ? "manage, and call no agents" : key.read_only ? "read" : "call agents and read"],
      key.agents && ["Agents", key.agents.join(", ")],
      ["Made", html`<${When} at=${key.created_at} />`],
      ["Expires", html`<${When} at=${key.expires_at} />`],
      ["Last used", html`<${When} at=${key.last_used_at} />`],
    ]} />
    <p><a href=${to("usage", "key", id)}>What was used with it</a></p>
    ${key.state === "active" && html`<${Form} label="Limits of the key" submit=${save} action="Save"><${Limits} value=${key.limits} whole=${false} /></${Form}>`}
    <p role="status" class="done">${saved}</p>`;
}

function Made({ made }) {
  return html`<${Heading} title="The key is made" />
    <p>Copy it now: only its digest is stored, so it is not shown again.</p>
    <div class="secret"><code>${made.key}</code><${Copy} text=${made.key} what="the key" /></div>
    ${!made.management && !made.read_only && html`<${FirstCall} secret=${made.key} agent=${made.agents?.[0] ?? ""} />`}
    <p><a role="button" class="secondary" href=${to("keys")}>Done</a></p>`;
}
