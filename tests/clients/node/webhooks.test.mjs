// OpenAI's package for Node.js verifies an event of ours, and refuses one that was changed.
import assert from "node:assert/strict";
import test from "node:test";

import OpenAI from "openai";

const given = JSON.parse(process.env.GIVEN);
const client = new OpenAI({ apiKey: "none", webhookSecret: given.secret });

test("an event is verified and read", async () => {
  const event = await client.webhooks.unwrap(given.body, given.headers);
  assert.equal(event.type, "response.completed");
  assert.equal(event.data.id, given.response);
});

test("a changed event is refused", async () => {
  await assert.rejects(client.webhooks.unwrap(given.body + " ", given.headers), OpenAI.InvalidWebhookSignatureError);
});
