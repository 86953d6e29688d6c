// What is stored about one user: exported into a file, or erased.

import { get, pathOf, post, Refusal, withQuery } from "./api.js";
import { html, useState } from "./dom.js";
import { Confirm, Failure } from "./parts.js";

const PAGE = 100;

const pause = (seconds) => new Promise((done) => setTimeout(done, seconds * 1000));

// Read all that is stored about a user, page by page; return it as lines of JSON.
async function exported(user, onRead) {
  const lines = [];
  let page = { has_more: true };
  while (page.has_more) {
    page = await get(withQuery(pathOf("/v1/admin/users/{}/export", user), { limit: PAGE, after: page.last_id }));
    lines.push(...page.data.map(({ object, ...record }) => `${JSON.stringify(record)}\n`));
    onRead(lines.length);
  }
  return lines;
}

function save(lines, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(lines, { type: "application/jsonl" }));
  link.download = name;
  link.click();
  URL.revokeObjectURL(link.href);
}

// Erase a user; the server works for some seconds a request.
async function erased(user, body) {
  const path = pathOf("/v1/admin/users/{}/erase", user);
  for (;;) {
    const done = await post(path, body);
    if (done.result === "erased") return done;
    await pause(done.wait_seconds);
  }
}

export function Personal({ user, onErased }) {
  const [asking, ask] = useState(false);
  const [state, set] = useState({ busy: false, done: "", error: null });
  async function download() {
    set({ busy: true, done: "", error: null });
    try {
      const lines = await exported(user, (count) => set({ busy: true, done: `${count} records …`, error: null }));
      save(lines, `${user}.jsonl`);
      set({ busy: false, done: `Exported ${lines.length} records.`, error: null });
    } catch (error) {
      set({ busy: false, done: "", error });
    }
  }
  return html`<h2>What is stored about ${user}</h2>
    <p>The export has everything, with what its responses say. That you read it is noted in the audit log.</p>
    <div class="actions"><button type="button" class="secondary outline" aria-busy=${state.busy} disabled=${state.busy}
        onClick=${download}>Export</button>
      <button type="button" class="danger outline" onClick=${() => ask(true)}>Erase …</button></div>
    <p role="status" class="done">${state.done}</p>
    <${Failure} error=${state.error} />
    ${asking && html`<${Erase} user=${user} onClose=${() => ask(false)} onDone=${onErased} />`}`;
}

function Erase({ user, onClose, onDone }) {
  const [given, set] = useState({ agents: "keep", to: "", typed: "" });
  const changed = (name) => (event) => set({ ...given, [name]: event.target.value });
  async function perform() {
    if (given.typed.trim() !== user) throw new Refusal(0, { message: `Write ${user} to erase it.` });
    const bodies = { keep: {}, delete: { agents: "delete" }, give: { agents_to: given.to.trim() } };
    return erased(user, bodies[given.agents]);
  }
  return html`<${Confirm} title=${`Erase user ${user}?`} action="Erase it" perform=${perform} onClose=${onClose} onDone=${onDone}>
    <p>Its keys, responses, conversations, approvals, grants and use are deleted, and running responses are cancelled. This
      cannot be undone. The audit log stays. On AWS it takes more than a minute: leave this page open.</p>
    <label>Its agents <select name="agents" value=${given.agents} onChange=${changed("agents")}>
      <option value="keep">Refuse if it has some</option>
      <option value="delete">Delete them for good</option>
      <option value="give">Give them to another user</option></select></label>
    ${given.agents === "give" && html`<label>To user <input name="agents_to" value=${given.to} onInput=${changed("to")} /></label>`}
    <label>Write its id to confirm <input name="typed" autocomplete="off" value=${given.typed} onInput=${changed("typed")} /></label>
  </${Confirm}>`;
}
