// The Chat Completions of the OpenAI SDK for Node.js, unchanged, against the service at BASE_URL with API_KEY.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const model = "agent";
const messages = [{ role: "user", content: "Hello!" }];
const tool = {
  type: "function",
  function: {
    name: "get_weather",
    description: "Tell the weather in a city.",
    parameters: { type: "object", properties: { city: { type: "string" } }, required: ["city"] },
  },
};

test("create gives the answer's text", async () => {
  const completion = await client.chat.completions.create({ model, messages });
  assert.equal(completion.choices[0].finish_reason, "stop");
  assert.ok(completion.choices[0].message.content.length > 0);
});

test("the stream helper gives the final completion", async () => {
  const stream = client.chat.completions.stream({ model, messages, stream_options: { include_usage: true } });
  let text = "";
  stream.on("content", (delta) => (text += delta));
  const completion = await stream.finalChatCompletion();
  assert.equal(completion.choices[0].message.content, text);
  assert.ok((await stream.totalUsage()).total_tokens > 0);
});

test("runTools calls a function and uses its output", async () => {
  const get_weather = ({ city }) => `17 degrees and sunny in ${city}`;
  const runnable = { type: "function", function: { ...tool.function, function: get_weather, parse: JSON.parse } };
  const said = [{ role: "user", content: "What is the weather in Paris?" }];
  const runner = client.chat.completions.runTools({ model, messages: said, tools: [runnable], stream: true });
  assert.match(await runner.finalContent(), /sunny in Paris/);
});

test("a tool runs on the server, beside a function of the client that runTools calls", async () => {
  const asked = [{ role: "user", content: "What is the population of Paris?" }];
  const first = await client.chat.completions.create({ model: "acting", messages: asked });
  assert.match(first.choices[0].message.content, /2\.1 million/);
  const get_weather = ({ city }) => `17 degrees and sunny in ${city}`;
  const runnable = { type: "function", function: { ...tool.function, function: get_weather, parse: JSON.parse } };
  for (const stream of [false, true]) {
    const content = `Use get_weather and register__get_population for Paris. Stream: ${stream}`;
    const said = [{ role: "user", content }];
    const runner = client.chat.completions.runTools({ model: "both", messages: said, tools: [runnable], stream });
    const answer = await runner.finalContent();
    assert.match(answer, /sunny in Paris/);
    assert.match(answer, /2\.1 million/);
  }
});

test("an unknown agent is not found", async () => {
  const asked = client.chat.completions.create({ model: "nobody", messages });
  await assert.rejects(asked, OpenAI.NotFoundError);
});
