// The AI SDK's providers for the Responses API and for Chat Completions, unchanged. BASE_URL and API_KEY say where.
import assert from "node:assert/strict";
import { test } from "node:test";

import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { createOpenResponses } from "@ai-sdk/open-responses";
import { generateText, isStepCount, jsonSchema, Output, streamText, tool } from "ai";

const baseURL = process.env.BASE_URL;
const apiKey = process.env.API_KEY;
const maxRetries = 0;

const compatible = { name: "antiphon", baseURL, apiKey, includeUsage: true, supportsStructuredOutputs: true };
const of = (agent) => ({
  "@ai-sdk/open-responses": createOpenResponses({ name: "antiphon", url: `${baseURL}/responses`, apiKey })(agent),
  "@ai-sdk/openai": createOpenAI({ baseURL, apiKey }).responses(agent),
  "@ai-sdk/openai, chat": createOpenAI({ baseURL, apiKey }).chat(agent),
  "@ai-sdk/openai-compatible": createOpenAICompatible(compatible).chatModel(agent),
});
const models = of("agent");

const place = { type: "object", properties: { city: { type: "string" } }, required: ["city"], additionalProperties: false };
const tools = {
  get_weather: tool({
    description: "Tell the weather in a city.",
    inputSchema: jsonSchema(place),
    execute: async ({ city }) => `17 degrees and sunny in ${city}`,
  }),
};

function asks(content) {
  return { role: "user", content };
}

for (const [name, model] of Object.entries(models)) {
  test(`${name}: text`, async () => {
    const answer = await generateText({ model, maxRetries, prompt: "Hello!" });
    assert.match(answer.text, /Hello!/);
    assert.equal(answer.finishReason, "stop");
    assert.ok(answer.usage.totalTokens > 0);
  });

  test(`${name}: streaming`, async () => {
    const answer = streamText({ model, maxRetries, prompt: "Hello!" });
    const pieces = [];
    for await (const piece of answer.textStream) pieces.push(piece);
    assert.ok(pieces.length > 1);
    assert.equal(pieces.join(""), await answer.text);
    assert.equal(await answer.finishReason, "stop");
  });

  test(`${name}: tools over several turns`, async () => {
    const settings = { model, maxRetries, tools, stopWhen: isStepCount(4) };
    const messages = [asks("What is the weather in Paris?")];
    const first = await generateText({ ...settings, messages });
    assert.match(first.text, /sunny in Paris/);
    messages.push(...first.response.messages, asks("And the weather in Rome?"));
    const second = await generateText({ ...settings, messages });
    assert.match(second.text, /sunny in Rome/);
  });

  test(`${name}: a tool call in a stream`, async () => {
    const prompt = "What is the weather in Paris?";
    const answer = streamText({ model, maxRetries, tools, stopWhen: isStepCount(4), prompt });
    assert.match(await answer.text, /sunny in Paris/);
    assert.equal((await answer.steps).length, 2);
  });

  test(`${name}: memory by items`, async () => {
    const messages = [asks("My name is Ada.")];
    const first = await generateText({ model, maxRetries, messages });
    messages.push(...first.response.messages, asks("What is my name?"));
    const second = await generateText({ model, maxRetries, messages });
    assert.match(second.text, /Ada/);
  });

  test(`${name}: structured output`, async () => {
    const schema = jsonSchema({ ...place, properties: { city: { type: "string", minLength: 1 } } });
    const answer = await generateText({ model, maxRetries, output: Output.object({ schema }), prompt: "My city is Paris." });
    assert.equal(typeof answer.output.city, "string");
  });
}

for (const name of ["@ai-sdk/openai, chat", "@ai-sdk/openai-compatible"]) {
  const model = models[name];

  test(`${name}: an image`, async () => {
    const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
    const image = { type: "file", mediaType: "image/png", data: pixel };
    const answer = await generateText({ model, maxRetries, messages: [asks([{ type: "text", text: "What is this?" }, image])] });
    assert.match(answer.text, /image/);
  });

  test(`${name}: usage of a stream`, async () => {
    const answer = streamText({ model, maxRetries, prompt: "Hello!" });
    await answer.text;
    assert.ok((await answer.usage).totalTokens > 0);
  });

  test(`${name}: stop sequences`, async () => {
    const whole = await generateText({ model, maxRetries, prompt: "Hello!" });
    const cut = await generateText({ model, maxRetries, prompt: "Hello!", stopSequences: [" "] });
    assert.equal(cut.text, whole.text.split(" ")[0]);
  });

  test(`${name}: an unknown agent`, async () => {
    const unknown = name.endsWith("chat") ? createOpenAI({ baseURL, apiKey }).chat("nobody") : createOpenAICompatible({ name, baseURL, apiKey }).chatModel("nobody");
    await assert.rejects(generateText({ model: unknown, maxRetries, prompt: "Hello!" }), { statusCode: 404 });
  });
}

test("@ai-sdk/openai: memory by previous response id", async () => {
  const model = models["@ai-sdk/openai"];
  const first = await generateText({ model, maxRetries, prompt: "My name is Ada." });
  const openai = { previousResponseId: first.providerMetadata.openai.responseId };
  const second = await generateText({ model, maxRetries, prompt: "What is my name?", providerOptions: { openai } });
  assert.match(second.text, /Ada/);
});

const provider = createOpenAI({ baseURL, apiKey });
const client = { model: provider.responses("agent"), maxRetries, stopWhen: isStepCount(4) };
const clientTools = {
  note: [provider.tools.customTool({ description: "Writes a note.", execute: async (text) => `noted ${text.length}` }), /noted \d/],
  local_shell: [provider.tools.localShell({ execute: async () => ({ output: "a.txt is here" }) }), /a\.txt is here/],
  shell: [
    provider.tools.shell({
      execute: async () => ({ output: [{ stdout: "b.txt is here", stderr: "", outcome: { type: "exit", exitCode: 0 } }] }),
    }),
    /b\.txt is here/,
  ],
  apply_patch: [
    provider.tools.applyPatch({ execute: async () => ({ status: "completed", output: "c.txt is patched" }) }),
    /c\.txt is patched/,
  ],
};

for (const [name, [offered, expected]] of Object.entries(clientTools)) {
  test(`@ai-sdk/openai: the tool ${name}, which the client runs`, async () => {
    const messages = [asks(`Please use ${name} now`)];
    const first = await generateText({ ...client, tools: { [name]: offered }, messages });
    assert.match(first.text, expected);
    assert.equal(first.steps.length, 2);
    messages.push(...first.response.messages, asks(`Use ${name} once more`));
    const second = streamText({ ...client, tools: { [name]: offered }, messages });
    assert.match(await second.text, expected);
    assert.equal((await second.steps).length, 2);
  });
}

test("@ai-sdk/openai: a web search, which nobody can run here, is left out", async () => {
  const tools = { web_search: provider.tools.webSearch({}) };
  const answer = await generateText({ ...client, tools, prompt: "Hello!" });
  assert.match(answer.text, /Hello!/);
});

for (const [name, model] of Object.entries(of("acting"))) {
  test(`${name}: a tool that runs on the server, and a second turn`, async () => {
    const messages = [asks("What is the population of Paris?")];
    const first = await generateText({ model, maxRetries, messages });
    assert.match(first.text, /2\.1 million/);
    assert.equal(first.steps.length, 1);
    messages.push(...first.response.messages, asks("And the population of Rome?"));
    const second = streamText({ model, maxRetries, messages });
    assert.match(await second.text, /2\.1 million/);
  });
}

for (const [name, model] of Object.entries(of("both"))) {
  test(`${name}: a tool of the server and one of the client, called at once`, async () => {
    const messages = [asks(`Use get_weather and register__get_population for Paris, ${name}.`)];
    const settings = { model, maxRetries, tools, stopWhen: isStepCount(4) };
    const first = await generateText({ ...settings, messages });
    assert.match(first.text, /sunny in Paris/);
    assert.match(first.text, /2\.1 million/);
    messages.push(...first.response.messages, asks("Use register__get_population for Paris."));
    assert.match((await generateText({ ...settings, messages })).text, /2\.1 million/);
  });
}
