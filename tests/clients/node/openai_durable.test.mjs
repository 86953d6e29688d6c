// Durable runs with the OpenAI SDK for Node.js, unchanged. Its model answers "One two three", and holds that after
// "One " if the input says "Hold", until another input says "Release". BASE_URL and API_KEY say where.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.env.BASE_URL, apiKey: process.env.API_KEY, maxRetries: 0 });
const WHOLE = "One two three";

function create(fields) {
  return client.responses.create({ model: "agent", ...fields });
}

async function release() {
  await create({ input: "Release" });
}

async function polled(id) {
  for (;;) {
    const response = await client.responses.retrieve(id);
    if (response.status !== "queued" && response.status !== "in_progress") return response;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function untilDelta(stream) {
  const events = [];
  for await (const event of stream) {
    events.push(event);
    if (event.type === "response.output_text.delta") break; // this aborts the request
  }
  return events;
}

async function all(stream) {
  const events = [];
  for await (const event of stream) events.push(event);
  return events;
}

function said(events) {
  return events.map((event) => (event.type === "response.output_text.delta" ? event.delta : "")).join("");
}

function assertDense(events, first = 0) {
  assert.deepEqual(
    events.map((event) => event.sequence_number),
    events.map((_, index) => index + first),
  );
}

test("a background response is queued and polled to its end", async () => {
  const queued = await create({ input: "Hold", background: true });
  assert.equal(queued.status, "queued");
  await release();
  const done = await polled(queued.id);
  assert.equal(done.status, "completed");
  assert.equal(done.output_text, WHOLE);
});

test("a broken background stream is resumed by retrieve", async () => {
  const first = await untilDelta(await create({ input: "Hold", background: true, stream: true }));
  await release();
  const starting_after = first.at(-1).sequence_number;
  const rest = await all(await client.responses.retrieve(first[0].response.id, { stream: true, starting_after }));
  assertDense([...first, ...rest]);
  assert.equal(said([...first, ...rest]), WHOLE);
  assert.equal(rest.at(-1).type, "response.completed");
});

test("a broken background stream is resumed by the stream helper", async () => {
  const first = await untilDelta(client.responses.stream({ model: "agent", input: "Hold", background: true }));
  const last = first.at(-1).sequence_number;
  await release();
  const stream = client.responses.stream({ response_id: first[0].response.id, starting_after: last });
  const rest = await all(stream);
  assertDense(rest, last + 1);
  assert.equal(said([...first, ...rest]), WHOLE);
  assert.equal((await stream.finalResponse()).output_text, WHOLE);
});

test("a running foreground response is followed by another reader", async () => {
  const stream = await create({ input: "Hold", stream: true });
  const events = [];
  let follower;
  for await (const event of stream) {
    events.push(event);
    if (event.type === "response.output_text.delta" && follower === undefined) {
      follower = client.responses.retrieve(events[0].response.id, { stream: true }).then(all);
      await release();
    }
  }
  const followed = await follower;
  assert.deepEqual(followed.at(-1), events.at(-1));
  assert.equal(said(followed), WHOLE);
});

test("a background response is cancelled, and again", async () => {
  const queued = await create({ input: "Hold", background: true });
  const cancelled = await client.responses.cancel(queued.id);
  assert.equal(cancelled.status, "cancelled");
  assert.deepEqual(await client.responses.cancel(queued.id), cancelled);
});

test("a background response that has completed cannot be cancelled", async () => {
  const done = await polled((await create({ input: "Hello", background: true })).id);
  await assert.rejects(client.responses.cancel(done.id), (error) => {
    assert.ok(error instanceof OpenAI.BadRequestError);
    assert.equal(error.code, "response_ended");
    return true;
  });
});

for (const background of [false, true]) {
  test(`a cancelled stream ends for the helper with what was there, background ${background}`, async () => {
    const stream = client.responses.stream({ model: "agent", input: "Hold", background });
    const events = [];
    let cancelled;
    for await (const event of stream) {
      events.push(event);
      if (event.type === "response.output_text.delta") cancelled = await client.responses.cancel(events[0].response.id);
    }
    const final = await stream.finalResponse();
    assert.equal(events.at(-1).type, "response.incomplete");
    assert.equal(final.status, "cancelled");
    assert.equal(cancelled.status, "cancelled");
    assert.equal(final.output_text, "One ");
  });
}
