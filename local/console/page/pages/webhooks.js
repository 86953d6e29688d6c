// Webhooks: endpoints that are called when responses end. A secret is shown once. Below them what never arrived.

import { pathOf, post, remove } from "../api.js";
import { html, useState } from "../dom.js";
import { Check, Checks, Field, Form } from "../form.js";
import { Confirm, Copy, Empty, Facts, Failure, Heading, List, Loading, Table, useRead, When } from "../parts.js";
import { go, to } from "../route.js";

const TYPES = ["response.completed", "response.failed", "response.incomplete", "response.cancelled", "approval.requested"];

const COLUMNS = [
  { title: "Webhook", cell: (hook) => html`<a href=${to("webhooks", hook.id)}>${hook.name || hook.id}</a>` },
  { title: "URL", cell: (hook) => html`<span class="url">${hook.url}</span>` },
  { title: "Events", cell: (hook) => events(hook), wide: true },
  { title: "Changed", cell: (hook) => html`<${When} at=${hook.updated_at} />`, wide: true },
];

const FAILED = [
  { title: "Happened", cell: (failed) => html`<${When} at=${failed.created_at} />` },
  { title: "Event", cell: (failed) => failed.type },
  { title: "Of", cell: (failed) => subject(failed), wide: true },
  { title: "Attempts", cell: (failed) => failed.attempts, wide: true },
  { title: "Failure", cell: (failed) => failed.failure },
];
const WITH_WEBHOOK = [{ title: "Webhook", cell: (failed) => html`<a href=${to("webhooks", failed.webhook)}>${failed.webhook}</a>` }, ...FAILED];

export function Webhooks({ at }) {
  const [id] = at;
  if (id === undefined) return html`<${All} />`;
  return id === "+" ? html`<${New} />` : html`<${One} key=${id} id=${id} />`;
}

function All() {
  const empty = html`<${Empty} title="No webhooks yet">
    <p>A webhook is an endpoint of yours that is called when a response ends, or when a call of a tool waits for an approval.</p>
    <p><a role="button" href=${to("webhooks", "+")}>Make the first webhook</a></p></${Empty}>`;
  return html`<${Heading} title="Webhooks"><a role="button" href=${to("webhooks", "+")}>New webhook</a></${Heading}>
    <${List} label="Webhooks" path="/v1/admin/webhooks" columns=${COLUMNS} empty=${empty} />
    <p><a href=${to("failed-deliveries")}>What never arrived</a></p>`;
}

export function FailedDeliveries() {
  return html`<${Heading} title="What never arrived" />
    <p>These events were sent nine times in about 30 hours, and no attempt was answered with 2xx. They are kept for 30 days.</p>
    <${List} label="Failed deliveries" path="/v1/admin/failed-deliveries" columns=${WITH_WEBHOOK}
      empty=${html`<${Empty} title="Nothing failed for good"><p>An event that fails is sent again by itself.</p></${Empty}>`} />`;
}

function New() {
  const [made, setMade] = useState(null);
  async function create(data) {
    setMade(await post("/v1/admin/webhooks", {
      url: data.get("url").trim(), name: data.get("name").trim(), event_types: data.getAll("event_types"),
    }));
  }
  if (made) {
    return html`<${Heading} title="The webhook is made" /><${Secret} text=${made.signing_secret} />
      <p><a role="button" class="secondary" href=${to("webhooks", made.id)}>Go to the webhook</a></p>`;
  }
  return html`<${Heading} title="New webhook" />
    <${Form} label="New webhook" submit=${create} action="Make the webhook"
      also=${html`<a role="button" class="secondary outline" href=${to("webhooks")}>Cancel</a>`}>
      <${Field} name="url" label="URL" required maxlength="2048" placeholder="https://example.com/hooks/antiphon" hint="Where events are sent." />
      <${Field} name="name" label="Name" maxlength="256" hint="For lists." />
      <${Checks} legend="Events that are sent" name="event_types" options=${TYPES} checked=${TYPES} />
    </${Form}>`;
}

function One({ id }) {
  const path = pathOf("/v1/admin/webhooks/{}", id);
  const { data: hook, error, reload } = useRead(path);
  const [asking, ask] = useState(false);
  const [secret, setSecret] = useState(null);
  const [tested, setTested] = useState(null);
  if (error) return html`<${Heading} title="Webhook" /><${Failure} error=${error} />`;
  if (!hook) return html`<${Heading} title="Webhook" /><${Loading} />`;
  async function test() {
    setTested(null);
    setTested(await post(`${path}/test`));
  }
  async function rotate(data) {
    setSecret(null);
    setSecret((await post(`${path}/rotate`, { keep_old: data.has("keep_old") })).signing_secret);
    reload();
  }
  return html`<${Heading} title=${hook.name || "Webhook"}>
      <button type="button" class="danger outline" onClick=${() => ask(true)}>Delete …</button></${Heading}>
    <${Facts} rows=${[["Id", html`<code>${id}</code>`], ["URL", html`<span class="url">${hook.url}</span>`], ["Events", events(hook)],
      ["Made", html`<${When} at=${hook.created_at} />`], ["Changed", html`<${When} at=${hook.updated_at} />`],
      ...(hook.last_failure ? [["Last failure", lastFailure(hook.last_failure)]] : [])]} />
    <h2>Test it</h2>
    <p>One event is sent at once, as if a response <code>resp_test</code> had been completed.</p>
    <${Form} label="Test" submit=${test} action="Send a test" />
    <p role="status" class=${tested?.failure ? "failure" : "done"}>
      ${tested && (tested.failure ? `It did not arrive: ${tested.failure}. ${tested.advice ?? ""}` : "It arrived.")}</p>
    <h2>Secret</h2>
    ${secret && html`<${Secret} text=${secret} />`}
    <${Form} label="Secret" submit=${rotate} action="Change the secret">
      <${Check} name="keep_old" label="The secret before goes on signing for 24 hours" checked /></${Form}>
    <h2>What never arrived</h2>
    ${hook.failed.length ? html`<${Table} label="Failed deliveries" columns=${FAILED} rows=${hook.failed} />`
      : html`<p class="muted">Nothing of late. <a href=${to("failed-deliveries")}>All that failed</a></p>`}
    ${asking && html`<${Confirm} title="Delete this webhook?" action="Delete it" onClose=${() => ask(false)}
      perform=${() => remove(path)} onDone=${() => go(to("webhooks"))}>
      <p>Nothing is sent to ${hook.url} any more, not even what is on its way.</p></${Confirm}>`}`;
}

function Secret({ text }) {
  return html`<p>Copy the secret now: it is not shown again.</p>
    <div class="secret"><code>${text}</code><${Copy} text=${text} what="the secret" /></div>`;
}

const events = (hook) => (hook.event_types.length === TYPES.length ? "all" : hook.event_types.join(", "));

const lastFailure = (last) => html`<${When} at=${last.at} />: ${last.type}: ${last.failure}. ${last.advice ?? ""}`;

// A response is shown with its user; an approval is among those that wait.
function subject(failed) {
  if (failed.type.startsWith("approval.")) return html`<a href=${to("approvals")}>${failed.response}</a>`;
  return html`<a href=${to("responses", failed.user, failed.response)}>${failed.response}</a>`;
}
