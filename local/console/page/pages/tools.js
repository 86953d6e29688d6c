// The tools of an agent's servers: as they were pinned, and what the servers changed since.

import { pathOf } from "../api.js";
import { html } from "../dom.js";
import { Empty, Facts, Failure, Loading, Mark, useRead } from "../parts.js";
import { to } from "../route.js";

const MEANINGS = { "+": ["added", "new"], "-": ["removed", "gone"], "~": ["", "changed"] };

export function Tools({ id }) {
  const { data, error, reload } = useRead(pathOf("/v1/admin/agents/{}/tools", id));
  if (error) return html`<${Failure} error=${error} />`;
  if (!data) return html`<${Loading} what="Asking the servers" />`;
  if (!data.servers.length) {
    return html`<${Empty} title="No tools that Antiphon runs"><p>Tools of MCP servers, HTTP APIs, functions and searches are added
      under Settings, as JSON. Functions that the client runs are not listed here.</p></${Empty}>`;
  }
  return html`<p>Models see the tools as they were when the agent was applied. What a server changed since has no effect until the
      agent is applied again; <a href=${to("agents", id)}>Save</a> under Settings does that, too.</p>
    ${data.servers.map((server) => html`<${Server} key=${server.label} server=${server} />`)}
    <button type="button" class="secondary outline" onClick=${reload}>Ask the servers again</button>`;
}

function Server({ server }) {
  const state = server.failure ? ["warn", "not compared"] : server.differences.length ? ["bad", "changed"] : ["good", "as pinned"];
  return html`<section><h2>${server.label} <${Mark} kind=${state[0]}>${state[1]}</${Mark}></h2>
    <${Facts} rows=${[["Kind", server.kind], ["Pinned", server.tools.join(", ") || "none"]]} />
    <${Failure} error=${server.failure && { message: server.failure }} />
    ${server.differences.length > 0 && html`<ul class="diff">${server.differences.map((line) => {
      const [kind, meaning] = MEANINGS[line[0]] ?? ["", ""];
      return html`<li class=${kind}>${meaning}: ${line.slice(2)}</li>`;
    })}</ul>`}</section>`;
}
