// A first call by a key: as a command to copy, and sent from here.

import { html, useState } from "./dom.js";
import { useFacts } from "./facts.js";
import { Items } from "./items.js";
import { Code, Failure } from "./parts.js";
import { events, grown } from "./stream.js";

const NOTHING = { items: [], status: null };

export function FirstCall({ secret, agent: first }) {
  const { base_url: baseUrl } = useFacts();
  const [agent, setAgent] = useState(first);
  const [answer, setAnswer] = useState(NOTHING);
  const [error, setError] = useState(null);
  const [busy, setBusy] = useState(false);
  async function call(event) {
    event.preventDefault();
    setBusy(true);
    setError(null);
    let growing = NOTHING;
    try {
      for await (const each of events({ model: agent, input: "Hello!" }, secret)) {
        growing = grown(growing, each);
        setAnswer(growing);
      }
      setError(growing.error ?? null);
    } catch (refusal) {
      setError(refusal);
    }
    setBusy(false);
  }
  return html`
    <h3>A first call</h3>
    <form onSubmit=${call} aria-label="A first call" class="line">
      <label>Agent <input name="agent" required value=${agent} autocomplete="off" onInput=${(event) => setAgent(event.target.value)} /></label>
      <button type="submit" aria-busy=${busy} disabled=${busy}>Call it now</button>
    </form>
    <div aria-live="polite" class="first-answer"><${Items} items=${answer.items} /><${Failure} error=${error} /></div>
    <${Code} label="the command" text=${command(baseUrl || "BASE_URL", secret, agent || "AGENT")} />`;
}

export const command = (baseUrl, secret, agent) => `curl -N ${baseUrl}/responses \\
  -H 'authorization: Bearer ${secret}' \\
  -H 'content-type: application/json' \\
  -d '${JSON.stringify({ model: agent, input: "Hello!", stream: true })}'`;
