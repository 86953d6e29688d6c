// Responses of the service: server-sent events, and the items of an answer as they grow.

import { send } from "./api.js";

// Create a response by a key and yield its events.
export async function* events(body, key, signal) {
  const answer = await send("POST", "/v1/responses", { body: { ...body, stream: true }, key, signal });
  const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const frames = (rest + value).split("\n\n");
    rest = frames.pop();
    for (const frame of frames) {
      const data = frame.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

const GROWS = {
  "response.output_text.delta": "text",
  "response.refusal.delta": "text",
  "response.reasoning.delta": "text",
  "response.reasoning_text.delta": "text",
  "response.reasoning_summary_text.delta": "text",
  "response.function_call_arguments.delta": "arguments",
  "response.mcp_call_arguments.delta": "arguments",
  "response.custom_tool_call_input.delta": "arguments",
};

// Return an answer with one more event. An answer is { id, status, items, usage, error }.
export function grown(answer, event) {
  const response = event.response;
  if (response) {
    const ended = event.type === "response.completed" || event.type === "response.failed" || event.type === "response.incomplete";
    return {
      ...answer, id: response.id, status: response.status, usage: response.usage, error: response.error,
      incomplete: response.incomplete_details, approvals: response.antiphon?.approvals ?? [],
      items: ended ? response.output.map(shownItem) : answer.items,
    };
  }
  if (event.type === "error") return { ...answer, error: event.error ?? event, status: "failed" };
  if (event.type === "response.output_item.added" || event.type === "response.output_item.done") {
    return { ...answer, items: replaced(answer.items, event.output_index, shownItem(event.item)) };
  }
  const field = GROWS[event.type];
  if (!field) return answer;
  const item = answer.items[event.output_index] ?? { type: "message", text: "", arguments: "" };
  return { ...answer, items: replaced(answer.items, event.output_index, { ...item, [field]: item[field] + event.delta }) };
}

// Return an item with its text, and the arguments of a call, in one place each.
export function shownItem(item) {
  const parts = [...(item.summary ?? []), ...(Array.isArray(item.content) ? item.content : [])];
  const text = typeof item.content === "string" ? item.content : parts.map((part) => part.text ?? part.refusal ?? "").join("");
  return { ...item, text, arguments: item.arguments ?? item.input ?? "" };
}

function replaced(items, index, item) {
  const changed = [...items];
  changed[index] = item;
  return changed;
}
