// Stored responses of a user: a list, and one with its turns, tools and tokens. Its content is read on demand.

import { get, pathOf, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { useFacts } from "../facts.js";
import { Field, Form } from "../form.js";
import { Items } from "../items.js";
import { Confirm, Empty, Facts, Failure, Heading, List, Loading, Mark, useRead, When } from "../parts.js";
import { go, to } from "../route.js";
import { number } from "../time.js";

const KINDS = { completed: "good", failed: "bad", incomplete: "warn", cancelled: "muted" };
const RUNNING = ["queued", "in_progress"];

const Status = ({ value }) => html`<${Mark} kind=${KINDS[value] ?? "busy"}>${value.replace("_", " ")}</${Mark}>`;

export function Responses({ at }) {
  const [user, id] = at;
  if (user === undefined) return html`<${Whose} />`;
  return id === undefined ? html`<${All} key=${user} user=${user} />` : html`<${One} key=${id} user=${user} id=${id} />`;
}

function Whose() {
  const facts = useFacts();
  return html`<${Heading} title="Responses" />
    <${Form} label="Whose responses" submit=${(form) => go(to("responses", form.get("user").trim()))} action="Show">
      <${Field} name="user" label="User" required value=${facts.user} hint="Responses are kept by user. This shows who ran what and when, without the content." />
    </${Form}>`;
}

function All({ user }) {
  const columns = [
    { title: "Response", cell: (row) => html`<a href=${to("responses", user, row.id)}><code>${row.id.slice(0, 11)}…${row.id.slice(-6)}</code></a>` },
    { title: "Agent", cell: (row) => html`<a href=${to("agents", row.agent)}>${row.agent}</a>` },
    { title: "Status", cell: (row) => html`<${Status} value=${row.status} />` },
    { title: "Made", cell: (row) => html`<${When} at=${row.created_at} />`, wide: true },
    { title: "Turns before", cell: (row) => row.turns_before, wide: true },
  ];
  const empty = html`<${Empty} title=${`${user} has no stored responses`}><p>A response is stored unless its request has <code>store: false</code>.</p>
    <p><a role="button" href=${to("agents")}>Try an agent</a></p></${Empty}>`;
  return html`<${Heading} title=${`Responses of ${user}`}><a role="button" class="secondary outline" href=${to("responses")}>Another user</a></${Heading}>
    <${List} label="Responses" path=${pathOf("/v1/admin/users/{}/responses", user)} columns=${columns} empty=${empty} />`;
}

function One({ user, id }) {
  const path = pathOf("/v1/admin/users/{}/responses/{}", user, id);
  const { data, error, reload } = useRead(path);
  const [asking, ask] = useState(false);
  const [refused, refuse] = useState(null);
  if (error) return html`<${Heading} title="Response" /><${Failure} error=${error} />`;
  if (!data) return html`<${Heading} title="Response" /><${Loading} />`;
  async function cancel() {
    try {
      await post(`${path}/cancel`, {});
      reload();
    } catch (refusal) {
      refuse(refusal);
    }
  }
  const usage = data.usage;
  return html`<${Heading} title="Response">
      ${RUNNING.includes(data.status) && html`<button type="button" class="secondary" onClick=${cancel}>Cancel</button>`}
      <button type="button" class="danger outline" onClick=${() => ask(true)}>Delete …</button></${Heading}>
    <${Failure} error=${refused} />
    <${Facts} rows=${[
      ["Id", html`<code>${data.id}</code>`],
      ["User", html`<a href=${to("responses", user)}>${user}</a>`],
      ["Agent", html`<a href=${to("agents", data.agent)}>${data.agent}</a>`],
      ["Status", html`<${Status} value=${data.status} />`],
      data.error && ["Error", data.error.code],
      data.incomplete_details && ["Incomplete", data.incomplete_details.reason],
      ["Made", html`<${When} at=${data.created_at} />`],
      data.completed_at && ["Took", `${data.completed_at - data.created_at} s`],
      ["Kept until", html`<${When} at=${data.expires_at} none="deleted" />`],
      data.previous_response_id && ["Continues", html`<a href=${to("responses", user, data.previous_response_id)}><code>${data.previous_response_id}</code></a>`],
      usage && ["Tokens", `${number(usage.input_tokens)} in (${number(usage.input_tokens_details?.cached_tokens ?? 0)} cached), ${number(usage.output_tokens)} out (${number(usage.output_tokens_details?.reasoning_tokens ?? 0)} reasoning)`],
    ]} />
    <h2>Timeline</h2>
    <ol class="timeline">${[...data.input.map((item) => ["in", item]), ...data.output.map((item) => ["out", item])].map(([side, item]) => html`
      <li class=${side}><b>${item.role ?? item.type.replaceAll("_", " ")}</b>${item.name && html` <code>${item.name}</code>`}
        ${item.status && item.status !== "completed" && html` <${Mark} kind="warn">${item.status}</${Mark}>`}</li>`)}</ol>
    <h2>Content</h2>
    <${Content} path=${`${path}/content`} />
    ${asking && html`<${Confirm} title="Delete the response?" action="Delete it" onClose=${() => ask(false)}
      perform=${() => remove(path)} onDone=${() => go(to("responses", user))}>
      <p>It goes with all its content. What continued it keeps its own turns.</p></${Confirm}>`}`;
}

function Content({ path }) {
  const [state, set] = useState({ busy: false, error: null, data: null });
  async function read() {
    set({ busy: true, error: null, data: null });
    try {
      set({ busy: false, error: null, data: await get(path) });
    } catch (error) {
      set({ busy: false, error, data: null });
    }
  }
  if (state.data) return html`<${Items} items=${[...state.data.input, ...state.data.response.output]} />`;
  return html`<p>The content is the user's. That you read it is written to the audit log.</p>
    <${Failure} error=${state.error} />
    <button type="button" class="secondary" aria-busy=${state.busy} disabled=${state.busy} onClick=${read}>Read the content</button>`;
}
