// Agents: the list, and one agent with its settings, access, and a conversation to try it.

import { pathOf, post, put, remove, withQuery } from "../api.js";
import { html, useState } from "../dom.js";
import { useFacts } from "../facts.js";
import { command } from "../first-call.js";
import { Check, Field, Form, objectOf } from "../form.js";
import { Code, Confirm, Empty, Facts, Failure, Heading, List, Loading, Tabs, useRead, When } from "../parts.js";
import { go, to } from "../route.js";
import { Access } from "./access.js";
import { Tools } from "./tools.js";
import { Try } from "./try.js";
import { Versions } from "./versions.js";

const COLUMNS = [
  { title: "Agent", cell: (agent) => html`<a href=${to("agents", agent.id)}>${agent.id}</a>` },
  { title: "Name", cell: (agent) => agent.name || agent.description, wide: true },
  { title: "Model", cell: (agent) => `${agent.provider} / ${agent.model}` },
  { title: "Author", cell: (agent) => agent.author, wide: true },
  { title: "Changed", cell: (agent) => html`<${When} at=${agent.updated_at} />`, wide: true },
];

const PLAIN = ["id", "name", "description", "author", "provider", "model", "instructions"];
const READ = ["object", "created_at", "updated_at", "version", "digest"];

export function Agents({ at, query }) {
  const [id, part] = at;
  if (id === undefined) return html`<${All} />`;
  if (id === "+" && part === undefined) return html`<${New} />`;
  return html`<${One} key=${id} id=${id} part=${part ?? "settings"} query=${query} />`;
}

function All() {
  const empty = html`<${Empty} title="No agents yet">
    <p>An agent is a model with instructions, under a name that callers send as <code>model</code>.</p>
    <p><a role="button" href=${to("agents", "+")}>Make the first agent</a></p></${Empty}>`;
  return html`<${Heading} title="Agents"><a role="button" class="secondary outline" href=${to("deleted-agents")}>Deleted agents</a>
      <a role="button" href=${to("agents", "+")}>New agent</a></${Heading}>
    <${List} label="Agents" path="/v1/admin/agents" columns=${COLUMNS} empty=${empty} />`;
}

function New() {
  const facts = useFacts();
  async function create(data) {
    const made = await post("/v1/admin/agents", document(data));
    go(to("agents", made.id, "try"));
  }
  return html`<${Heading} title="New agent" />
    <${Form} label="New agent" submit=${create} action="Make the agent"
      also=${html`<a role="button" class="secondary outline" href=${to("agents")}>Cancel</a>`}>
      <${Field} name="id" label="Id" required hint="What callers send as model: letters, digits, dots, hyphens." placeholder="helper" />
      <${Field} name="author" label="Author" required value=${facts.user} hint="The user who owns it and may always use it. Users are made under People." />
      <${Plain} agent=${facts.providers.join() === "demo" ? { provider: "demo", model: "demo" } : {}} />
      <${Check} name="public" label="Every user may use it" checked hint="You can change who may use it under Access." />
    </${Form}>`;
}

function Plain({ agent }) {
  const facts = useFacts();
  const more = Object.fromEntries(Object.entries(agent).filter(([name]) => !PLAIN.includes(name) && !READ.includes(name)));
  return html`
    <${Field} name="name" label="Name" value=${agent.name ?? ""} hint="For lists of agents." />
    <${Field} name="description" label="Description" value=${agent.description ?? ""} />
    <div class="pair">
      <${Field} name="provider" label="Provider" required value=${agent.provider ?? ""} options=${facts.providers} />
      <${Field} name="model" label="Model" required value=${agent.model ?? ""} hint="The provider's name for it; that of provider demo is demo." />
    </div>
    <${Field} name="instructions" label="Instructions" area rows="5" value=${agent.instructions ?? ""} />
    <details open=${Object.keys(more).length > 0}><summary>Tools, parameters and fallbacks</summary>
      <${Field} name="more" label="As JSON" area rows="8" spellcheck="false" value=${Object.keys(more).length ? JSON.stringify(more, null, 2) : ""}
        hint='For instance {"temperature": 0.2, "limits": {"usd_per_response": 0.5}, "tools": [...]}, as in an agent file.' /></details>`;
}

// Return the document of the form's fields; what is empty is left out.
function document(data) {
  const said = PLAIN.map((name) => [name, data.get(name)?.trim()]).filter(([, value]) => value);
  const grants = data.has("public") ? { grants: [{ principal: "public", level: "viewer" }] } : {};
  return { ...objectOf(data, "more"), ...grants, ...Object.fromEntries(said) };
}

function One({ id, part, query }) {
  const tabs = [
    ["settings", "Settings", to("agents", id)],
    ["try", "Try it", to("agents", id, "try")],
    ["access", "Access", to("agents", id, "access")],
    ["tools", "Tools", to("agents", id, "tools")],
    ["versions", "Versions", to("agents", id, "versions")],
    ["call", "Call it", to("agents", id, "call")],
  ];
  const parts = { settings: Settings, try: Try, access: Access, tools: Tools, versions: Versions, call: Call };
  const Part = parts[part] ?? Settings;
  return html`<${Heading} title=${id} /><${Tabs} label="Agent" tabs=${tabs} at=${part} /><${Part} id=${id} query=${query} />`;
}

function Settings({ id }) {
  const path = pathOf("/v1/admin/agents/{}", id);
  const { data, error, reload } = useRead(path);
  const [asking, ask] = useState(false);
  const [saved, setSaved] = useState("");
  if (error) return html`<${Failure} error=${error} />`;
  if (!data) return html`<${Loading} />`;
  async function save(form) {
    setSaved("");
    const done = await put(path, { ...document(form), id, author: data.author });
    setSaved(done.result === "unchanged" ? "Nothing had changed." : "Saved. New responses use it.");
    reload();
  }
  return html`
    <${Facts} rows=${[["Author", html`<a href=${to("people", "users", data.author)}>${data.author}</a>`],
      ["Made", html`<${When} at=${data.created_at} />`],
      data.version && ["Version", html`<a href=${to("agents", id, "versions")}>${data.version}</a>`], ["Changed", html`<${When} at=${data.updated_at} />`]]} />
    <${Form} label=${`Settings of ${id}`} submit=${save} action="Save" key=${data.updated_at}
      also=${html`<button type="button" class="danger outline" onClick=${() => ask(true)}>Delete …</button>`}>
      <${Plain} agent=${data} />
    </${Form}>
    <p role="status" class="done">${saved}</p>
    ${asking && html`<${Confirm} title=${`Delete agent ${id}?`} action="Delete it" onClose=${() => ask(false)}
      perform=${() => remove(path)} onDone=${() => go(to("agents"))}>
      <p>Whoever calls it gets an error from then on. Stored responses stay. For 30 days it can be restored, with its grants.</p></${Confirm}>`}`;
}

function Call({ id }) {
  const { base_url: baseUrl } = useFacts();
  const url = baseUrl || "BASE_URL";
  const python = `from openai import OpenAI

client = OpenAI(base_url="${url}", api_key="KEY")
response = client.responses.create(model="${id}", input="Hello!")
print(response.output_text)`;
  return html`<p>A call needs an API key of a user who may use the agent.${" "}
      <a href=${withQuery(to("keys", "+"), { agents: id })}>Make a key for it</a></p>
    <h2>On a command line</h2><${Code} label="the command" text=${command(url, "KEY", id)} />
    <h2>In Python</h2><${Code} label="the program" text=${python} />`;
}
