// A conversation with an agent: streamed, continued by `previous_response_id`, and cancelled by its button.

import { call, pathOf, post, remove } from "../api.js";
import { html, useEffect, useRef, useState } from "../dom.js";
import { useFacts } from "../facts.js";
import { Field, Form } from "../form.js";
import { Item } from "../items.js";
import { Failure } from "../parts.js";
import { to } from "../route.js";
import { events, grown } from "../stream.js";
import { number } from "../time.js";

const HOUR = 3600;
const kept = new Map();

export function Try({ id }) {
  const facts = useFacts();
  const [as, setAs] = useState(kept.get(id) ?? null);
  async function begin(data) {
    const user = data.get("user").trim();
    const expires = Math.floor(Date.now() / 1000) + HOUR;
    const key = await post("/v1/admin/keys", { user, name: "console: try it", expires_at: expires, agents: [id] });
    kept.set(id, { user, secret: key.key, key: key.id });
    setAs(kept.get(id));
  }
  async function leave() {
    kept.delete(id);
    setAs(null);
    await remove(pathOf("/v1/admin/keys/{}", as.key)).catch(() => {}); // it ends by itself within the hour
  }
  if (as) return html`<${Conversation} id=${id} as=${as} leave=${leave} />`;
  return html`<${Form} label="Try the agent" submit=${begin} action="Start">
    <p>A call is always somebody's. The console makes a key for this user that lasts an hour and can call this agent alone.</p>
    <${Field} name="user" label="As user" required value=${facts.user} hint="Their limits hold, and the use counts as theirs." />
  </${Form}>`;
}

function Conversation({ id, as, leave }) {
  const [turns, setTurns] = useState([]);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState(null);
  const running = useRef(null);
  const end = useRef(null);
  const last = turns.at(-1)?.answer;
  useEffect(() => () => running.current?.abort(), []);
  useEffect(() => { if (turns.length) end.current?.scrollIntoView({ block: "nearest" }); }, [turns]);

  async function ask(input, shown) {
    const abort = (running.current = new AbortController());
    const previous = last?.status === "completed" || last?.status === "incomplete" ? last.id : undefined;
    let answer = { items: [], status: "in_progress", began: performance.now() };
    const before = turns;
    const show = () => setTurns([...before, { asked: shown, answer }]);
    setError(null);
    setBusy(true);
    show();
    try {
      for await (const event of events({ model: id, input, previous_response_id: previous }, as.secret, abort.signal)) {
        answer = grown(answer, event);
        show();
      }
      answer = { ...answer, took: performance.now() - answer.began };
      show();
    } catch (refusal) {
      if (!answer.id) setTurns(before);
      if (refusal.name !== "AbortError") setError(refusal);
    }
    running.current = null;
    setBusy(false);
  }

  async function stop() {
    if (!last?.id) return running.current?.abort();
    try {
      await call("POST", `/v1/responses/${last.id}/cancel`, { key: as.secret });
    } catch (refusal) {
      setError(refusal);
    }
  }

  const waiting = busy ? [] : unanswered(last);
  const requests = busy ? [] : asks(last);
  return html`
    <p class="bar"><span>As <b>${as.user}</b>, with a key that lasts an hour.</span>
      <span class="actions"><button type="button" class="small secondary outline" disabled=${busy} onClick=${() => { setTurns([]); setError(null); }}>New conversation</button>
      <button type="button" class="small secondary outline" disabled=${busy} onClick=${leave}>Another user</button></span></p>
    <div class="talk" role="log" aria-label="Conversation" aria-busy=${busy} tabindex="0">
      ${!turns.length && html`<p class="muted">Say something to ${id}. The answer streams, and each further message continues the conversation.</p>`}
      ${turns.map((turn) => html`<${Turn} turn=${turn} user=${as.user} />`)}
      <div ref=${end}></div>
    </div>
    <${Failure} error=${error} />
    ${requests.length ? html`<${Requests} requests=${requests} send=${ask} />` : waiting.length ? html`<${Outputs} calls=${waiting} send=${ask} />` : html`<${Message} busy=${busy} send=${ask} stop=${stop} />`}`;
}

function Turn({ turn, user }) {
  const { asked, answer } = turn;
  const failed = answer.error && html`<p class="failure">${answer.error.message}</p>`;
  return html`<div class="turn">
    ${asked.map((item) => html`<${Item} item=${item} />`)}
    ${answer.items.filter(Boolean).map((item) => html`<${Item} item=${item} />`)}
    ${!answer.items.length && answer.status === "in_progress" && html`<p class="loading" aria-busy="true">Waiting for the model …</p>`}
    ${failed}
    ${(answer.approvals ?? []).filter((approval) => approval.by !== "caller").map((approval) => html`<p>
      The call of ${approval.name} waits for ${approval.by}: <a href=${to("approvals")}>Approvals</a></p>`)}
    ${answer.id && html`<p class="foot"><a href=${to("responses", user, answer.id)}>${answer.status === "in_progress" ? "running" : answer.status}</a>
      ${answer.incomplete && html` (${answer.incomplete.reason})`}
      ${answer.usage && html` · ${number(answer.usage.input_tokens)} tokens in, ${number(answer.usage.output_tokens)} out`}
      ${answer.took && html` · ${(answer.took / 1000).toFixed(1)} s`}</p>`}
  </div>`;
}

function Message({ busy, send, stop }) {
  const area = useRef(null);
  function submit(event) {
    event?.preventDefault();
    const text = area.current.value.trim();
    if (!text || busy) return;
    area.current.value = "";
    send(text, [{ type: "message", role: "user", text }]);
  }
  const pressed = (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) submit(event);
  };
  return html`<form class="say" aria-label="Message" onSubmit=${submit}>
    <textarea ref=${area} rows="2" aria-label="Message" placeholder="A message (Enter sends, Shift+Enter is a new line)" onKeyDown=${pressed} />
    ${busy ? html`<button key="stop" type="button" class="danger" onClick=${stop}>Stop</button>` : html`<button key="send" type="submit">Send</button>`}
  </form>`;
}

// Calls of the agent's own tools that wait until their caller approves them.
function Requests({ requests, send }) {
  async function decide(data, _form, button) {
    const approve = button?.value === "approve";
    const answers = requests.map((item) => ({ type: "mcp_approval_response", approval_request_id: item.id, approve }));
    send(answers, [{ type: "message", role: "user", text: approve ? "(approved)" : "(denied)" }]);
  }
  return html`<${Form} label="Approval" submit=${decide} action="Approve" value="approve"
    also=${html`<button type="submit" value="deny" class="danger outline">Deny</button>`}>
    <p>The agent asks before it calls:</p>
    ${requests.map((item) => html`<pre tabindex="0"><code>${item.name} ${item.arguments}</code></pre>`)}</${Form}>`;
}

const asks = (answer) => (answer?.approvals ?? []).filter((approval) => approval.by === "caller");

// Calls that the agent's caller has to answer.
function Outputs({ calls, send }) {
  async function answer(data) {
    const outputs = calls.map((item) => ({ type: "function_call_output", call_id: item.call_id, output: data.get(item.call_id) }));
    send(outputs, outputs.map((output) => ({ ...output, id: output.call_id })));
  }
  return html`<${Form} label="Outputs of the calls" submit=${answer} action="Send the output">
    <p>The agent calls a function of its caller. Here you are the caller: write what the function would return.</p>
    ${calls.map((item) => html`<${Field} name=${item.call_id} label=${`Output of ${item.name}`} area rows="2" required />`)}
  </${Form}>`;
}

function unanswered(answer) {
  if (answer?.status !== "completed") return [];
  return answer.items.filter((item) => item.type === "function_call");
}
