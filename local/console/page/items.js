// The items of a response: messages, reasoning, calls and their outputs.

import { html } from "./dom.js";
import { shownItem } from "./stream.js";

export function Item({ item, children }) {
  if (item.type === "message" || (!item.type && item.role)) {
    return html`<div class=${`item ${item.role === "user" ? "asked" : "said"}`}>
      <span class="who">${item.role ?? "assistant"}</span><div class="text">${item.text}</div></div>`;
  }
  if (item.type === "reasoning") {
    return html`<details class="item reasoning" open=${!item.status || item.status === "in_progress"}>
      <summary>Reasoning</summary><div class="text">${item.text || "(not shown by the model)"}</div></details>`;
  }
  if (/_call_output$/.test(item.type)) {
    return html`<div class="item call"><span class="who">output of the call</span>
      <pre tabindex="0"><code>${written(item.output)}</code></pre></div>`;
  }
  if (item.type === "mcp_list_tools") {
    return html`<details class="item call"><summary>Tools of ${item.server_label}</summary>
      <div class="text">${(item.tools ?? []).map((tool) => tool.name).join(", ")}</div></details>`;
  }
  if (/_call$/.test(item.type) || item.type === "mcp_approval_request") {
    return html`<div class="item call"><span class="who">${item.type === "mcp_approval_request" ? "asks to call" : "calls"} ${item.name ?? item.type}</span>
      ${item.arguments && html`<pre tabindex="0"><code>${indented(item.arguments)}</code></pre>`}
      ${item.output !== undefined && item.output !== null && html`<pre tabindex="0"><code>${written(item.output)}</code></pre>`}
      ${item.error && html`<p class="failure">${written(item.error)}</p>`}${children}</div>`;
  }
  return html`<div class="item call"><span class="who">${item.type}</span>
    <pre tabindex="0"><code>${written(item)}</code></pre></div>`;
}

export function Items({ items }) {
  return html`<div class="items">${items.map((item) => html`<${Item} item=${shownItem(item)} />`)}</div>`;
}

const written = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function indented(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
