// Calls of tools that wait for an approval: what would be called, for whom, and a decision.

import { pathOf, post } from "../api.js";
import { html, useState } from "../dom.js";
import { Field, Form } from "../form.js";
import { Dialog, Empty, Facts, Heading, List, When } from "../parts.js";
import { to } from "../route.js";

export function Approvals() {
  const [turn, again] = useState(0);
  const [deciding, decide] = useState(null);
  const [done, setDone] = useState("");
  const columns = [
    { title: "Call", cell: (row) => html`<b>${row.name}</b> <span class="muted">${row.server_label}</span>` },
    { title: "Agent", cell: (row) => html`<a href=${to("agents", row.agent)}>${row.agent}</a>`, wide: true },
    { title: "For", cell: (row) => html`<a href=${to("people", "users", row.user)}>${row.user}</a>` },
    { title: "Decides", cell: (row) => row.by, wide: true },
    { title: "Asked", cell: (row) => html`<${When} at=${row.created_at} />`, wide: true },
    { title: "Expires", cell: (row) => html`<${When} at=${row.expires_at} />`, wide: true },
    { title: "", cell: (row) => html`<button type="button" class="small" aria-label=${`Decide on ${row.name} for ${row.user}`} onClick=${() => decide(row)}>Decide …</button>` },
  ];
  const empty = html`<${Empty} title="Nothing waits for an approval">
    <p>A tool of an agent can ask before it is called, for instance before it sends a mail. Such calls wait here.</p></${Empty}>`;
  return html`<${Heading} title="Approvals" />
    <p role="status" class="done">${done}</p>
    <${List} label="Approvals" path="/v1/admin/approvals" columns=${columns} empty=${empty} turn=${turn} />
    ${deciding && html`<${Decide} approval=${deciding} onClose=${() => decide(null)}
      onDone=${(text) => { decide(null); setDone(text); again(turn + 1); }} />`}`;
}

function Decide({ approval, onClose, onDone }) {
  async function send(data, _form, button) {
    const decision = button?.value ?? "deny";
    await post(pathOf("/v1/admin/approvals/{}", approval.id), { decision, reason: data.get("reason").trim() });
    onDone(decision === "approve" ? "Approved. The response goes on within a minute." : "Denied. The model reads your reason.");
  }
  return html`<${Dialog} title=${`Call ${approval.name}?`} onClose=${onClose}>
    <${Facts} rows=${[["Agent", approval.agent], ["For", approval.user], ["Of", approval.server_label],
      ["Response", html`<a href=${to("responses", approval.user, approval.response_id)}><code>${approval.response_id}</code></a>`]]} />
    <h3>With</h3><pre tabindex="0"><code>${indented(approval.arguments)}</code></pre>
    <${Form} label="Decide" submit=${send} action="Approve" value="approve"
      also=${html`<button type="submit" name="decision" value="deny" class="danger outline">Deny</button>
        <button type="button" class="secondary outline" onClick=${onClose}>Later</button>`}>
      <${Field} name="reason" label="Reason" maxlength="1000" hint="Kept with the decision. If you deny, the model reads it." />
    </${Form}></${Dialog}>`;
}

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
