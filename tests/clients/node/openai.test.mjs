// The OpenAI SDK for Node.js, unchanged, against the service at BASE_URL with API_KEY. Run with `node --test`.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const tool = {
  type: "function",
  name: "get_weather",
  description: "Tell the weather in a city.",
  parameters: {
    type: "object",
    properties: { city: { type: "string" } },
    required: ["city"],
    additionalProperties: false,
  },
  strict: true,
};

test("create gives the answer's text", async () => {
  const response = await client.responses.create({ model: "agent", input: "Hello!" });
  assert.equal(response.status, "completed");
  assert.ok(response.output_text.length > 0);
});

test("a raw stream gives every delta", async () => {
  const stream = await client.responses.create({ model: "agent", input: "Hello!", stream: true });
  let text = "";
  let last;
  for await (const event of stream) {
    if (event.type === "response.output_text.delta") text += event.delta;
    last = event;
  }
  assert.equal(last.type, "response.completed");
  assert.equal(text, last.response.output[0].content[0].text);
});

test("the stream helper gives the final response", async () => {
  const stream = client.responses.stream({ model: "agent", input: "Hello!" });
  let text = "";
  stream.on("response.output_text.delta", (event) => (text += event.delta));
  const final = await stream.finalResponse();
  assert.equal(final.output_text, text);
});

test("parse gives a typed answer", async () => {
  const format = {
    type: "json_schema",
    name: "person",
    strict: true,
    schema: {
      type: "object",
      properties: { name: { type: "string" }, age: { type: "integer" } },
      required: ["name", "age"],
      additionalProperties: false,
    },
  };
  const response = await client.responses.parse({ model: "agent", input: "I am Ada, 36.", text: { format } });
  const answer = JSON.parse(response.output_text);
  assert.equal(typeof answer.name, "string");
  assert.ok(Number.isInteger(answer.age));
});

test("retrieve gives the response that was created", async () => {
  const created = await client.responses.create({ model: "agent", input: "Hello!" });
  assert.deepEqual((await client.responses.retrieve(created.id)).output, created.output);
});

test("a conversation remembers", async () => {
  const first = await client.responses.create({ model: "agent", input: "My name is Ada." });
  const second = await client.responses.create({
    model: "agent",
    input: "What is my name?",
    previous_response_id: first.id,
  });
  assert.match(second.output_text, /Ada/);
});

test("a function is called and its output is used", async () => {
  const first = await client.responses.create({ model: "agent", input: "Weather in Paris?", tools: [tool] });
  const call = first.output.find((item) => item.type === "function_call");
  assert.deepEqual(Object.keys(JSON.parse(call.arguments)), ["city"]);
  const second = await client.responses.create({
    model: "agent",
    previous_response_id: first.id,
    input: [{ type: "function_call_output", call_id: call.call_id, output: "17 degrees and sunny" }],
    tools: [tool],
  });
  assert.match(second.output_text, /17 degrees and sunny/);
});

test("the JSON of an answer and of its input items can be sent back", async () => {
  const question = { role: "user", content: "Weather in Paris?" };
  const include = ["reasoning.encrypted_content"];
  const first = await client.responses.parse({ model: "agent", input: [question], tools: [tool], include });
  const output = JSON.parse(JSON.stringify(first.output));
  const call = output.find((item) => item.type === "function_call");
  const told = { type: "function_call_output", call_id: call.call_id, output: "17 degrees and sunny" };
  const second = await client.responses.parse({ model: "agent", input: [question, ...output, told], tools: [tool] });
  assert.match(second.output_text, /17 degrees and sunny/);
  const page = await client.responses.inputItems.list(second.id, { order: "asc" });
  const items = JSON.parse(JSON.stringify([...page.data, ...second.output]));
  const third = await client.responses.create({ model: "agent", input: [...items, question], tools: [tool] });
  assert.equal(third.status, "completed");
});

test("input items are paged", async () => {
  const texts = ["One", "Two", "Three", "Four", "Five"];
  const input = texts.map((content) => ({ role: "user", content }));
  const response = await client.responses.create({ model: "agent", input });
  const seen = [];
  for await (const item of client.responses.inputItems.list(response.id, { limit: 2, order: "asc" })) {
    seen.push(item.content[0].text);
  }
  assert.deepEqual(seen, texts);
});

test("a deleted response is gone", async () => {
  const response = await client.responses.create({ model: "agent", input: "Hello!" });
  await client.responses.delete(response.id);
  await assert.rejects(client.responses.retrieve(response.id), { status: 404, code: "response_not_found" });
});

test("models lists the agents", async () => {
  const ids = [];
  for await (const model of client.models.list()) ids.push(model.id);
  assert.ok(ids.includes("agent"));
  assert.equal((await client.models.retrieve("agent")).id, "agent");
});

test("errors are the SDK's own exceptions", async () => {
  await assert.rejects(client.responses.create({ model: "absent", input: "Hi" }), (error) => {
    assert.ok(error instanceof OpenAI.NotFoundError);
    assert.equal(error.code, "model_not_found");
    return true;
  });
  await assert.rejects(client.responses.create({ model: "agent", input: "Hi", temperature: 3 }), {
    status: 400,
    code: "out_of_range",
    param: "temperature",
  });
});

test("conversations work as with OpenAI", async () => {
  const conversation = await client.conversations.create({
    items: [{ type: "message", role: "user", content: "My name is Ada." }],
    metadata: { topic: "demo" },
  });
  const response = await client.responses.create({
    model: "agent",
    conversation: { id: conversation.id },
    input: "What is my name?",
  });
  assert.ok(response.output_text.includes("Ada"));
  assert.equal(response.conversation.id, conversation.id);
  const kinds = [];
  for await (const item of client.conversations.items.list(conversation.id, { order: "asc", limit: 2 })) {
    kinds.push(`${item.type} ${item.role}`);
  }
  assert.deepEqual(kinds, ["message user", "message user", "message assistant"]);
  const added = await client.conversations.items.create(conversation.id, {
    items: [{ role: "user", content: "One more." }],
  });
  const read = await client.conversations.items.retrieve(added.last_id, { conversation_id: conversation.id });
  assert.equal(read.content[0].text, "One more.");
  await client.conversations.items.delete(added.last_id, { conversation_id: conversation.id });
  const changed = await client.conversations.update(conversation.id, { metadata: { topic: "songs" } });
  assert.deepEqual(changed.metadata, { topic: "songs" });
  assert.equal((await client.conversations.delete(conversation.id)).deleted, true);
  await assert.rejects(client.conversations.retrieve(conversation.id), { status: 404, code: "conversation_not_found" });
});

// ACTING names an agent with a tool that runs on the server, where there is one.
const { ACTING } = process.env;
test("a tool runs on the server, and its items are sent back", { skip: !ACTING }, async () => {
  const first = await client.responses.create({ model: ACTING, input: "What is the population of Paris?" });
  assert.deepEqual(first.output.map((item) => item.type), ["mcp_call", "message"]);
  assert.equal(first.output[0].output, "2.1 million people");
  const input = [...first.output, { role: "user", content: "And the population of Rome?" }];
  assert.match((await client.responses.create({ model: ACTING, input })).output_text, /2\.1 million/);
  const stream = client.responses.stream({ model: ACTING, input: "What is the population of Paris?" });
  const seen = [];
  for await (const event of stream) seen.push(event.type);
  assert.ok(seen.includes("response.mcp_call.completed"));
  assert.match((await stream.finalResponse()).output_text, /2\.1 million/);
});
