// The shell: navigation, the page of the address, and what is shown without a token.

import { isOpen, open } from "./api.js";
import { html, render, useEffect, useRef, useState } from "./dom.js";
import { FactsContext } from "./facts.js";
import { Failure, Heading, Loading, useRead } from "./parts.js";
import { Agents } from "./pages/agents.js";
import { Approvals } from "./pages/approvals.js";
import { Audit } from "./pages/audit.js";
import { Keys } from "./pages/keys.js";
import { People } from "./pages/people.js";
import { Responses } from "./pages/responses.js";
import { Today } from "./pages/today.js";
import { UsageOf } from "./pages/usage.js";
import { Deleted } from "./pages/versions.js";
import { FailedDeliveries, Webhooks } from "./pages/webhooks.js";
import { here, takeToken, to } from "./route.js";

const PAGES = [
  ["today", "Today", Today],
  ["agents", "Agents", Agents],
  ["keys", "Keys", Keys],
  ["people", "People", People],
  ["responses", "Responses", Responses],
  ["approvals", "Approvals", Approvals],
  ["webhooks", "Webhooks", Webhooks],
  ["audit", "Audit", Audit],
];
// Pages that others lead to; the third is the one that is marked as current.
const INNER = [
  ["usage", "Usage", UsageOf, "today"],
  ["deleted-agents", "Deleted agents", Deleted, "agents"],
  ["failed-deliveries", "What never arrived", FailedDeliveries, "webhooks"],
];

function App() {
  const [at, set] = useState(here);
  const [opened, setOpened] = useState(isOpen);
  useEffect(() => {
    const moved = () => {
      const token = takeToken();
      if (token) open(token);
      setOpened(isOpen());
      set(here());
    };
    addEventListener("hashchange", moved);
    return () => removeEventListener("hashchange", moved);
  }, []);
  return opened ? html`<${Console} at=${at} />` : html`<main class="alone"><${Locked} /></main>`;
}

function Console({ at }) {
  const facts = useRead("/console/facts");
  const name = at.segments[0] ?? PAGES[0][0];
  const found = [...PAGES, ...INNER].find(([page]) => page === name);
  const main = useRef(null);
  const first = useRef(true);
  const place = at.segments.join("/");
  useEffect(() => {
    document.title = `${found ? found[1] : "Not found"} · Antiphon console`;
    if (!facts.data) return;
    if (first.current) {
      first.current = false;
      return;
    }
    // What had the focus may be gone with the page before.
    if (document.activeElement === document.body) main.current.querySelector("h1")?.focus({ preventScroll: true });
    scrollTo(0, 0);
  }, [place, facts.data]);
  if (facts.error) return html`<main class="alone">${facts.error.status === 401 ? html`<${Locked} />` : html`<${Failure} error=${facts.error} />`}</main>`;
  return html`
    <button type="button" class="skip" onClick=${() => main.current.focus()}>Skip to the page</button>
    <header class="side">
      <a class="brand" href=${to(PAGES[0][0])}><img src="icon.svg" alt="" width="28" height="28" /> Antiphon</a>
      <nav aria-label="Pages"><ul>${PAGES.map(([page, title]) => html`
        <li><a href=${to(page)} aria-current=${page === (found?.[3] ?? name) ? "page" : undefined}>${title}</a></li>`)}</ul></nav>
      ${facts.data && html`<p class="where" title=${facts.data.place}>Tenant <b>${facts.data.tenant}</b><br />
        <span>${facts.data.place}</span><br />Version ${facts.data.version}</p>`}
    </header>
    <main ref=${main} tabindex="-1">
      ${!facts.data ? html`<${Loading} />` : html`<${FactsContext.Provider} value=${facts.data}>
        ${found ? html`<${found[2]} at=${at.segments.slice(1)} query=${at.query} />` : html`<${Unknown} />`}
      </${FactsContext.Provider}>`}
    </main>`;
}

function Locked() {
  if (isOpen()) {
    return html`<${Heading} title="This is not the console's token" />
      <p>The token is wrong, or of a console that has ended: each start has a new one. Open the whole address that the
        terminal shows now.</p>`;
  }
  return html`<${Heading} title="This page has no token" />
    <p>The console keeps its token in memory alone, so a page that is loaded again has lost it.</p>
    <p>Open the whole address that the terminal shows, from <code>http://</code> to the end of${" "}
      <code>#token=…</code>. If the terminal has been closed, run <code>antiphon console</code> (or <code>make run</code>)
      for a new one.</p>`;
}

const Unknown = () => html`<${Heading} title="There is no such page" /><p><a href=${to(PAGES[0][0])}>Go to the first page</a></p>`;

const token = takeToken();
if (token) open(token);
render(html`<${App} />`, document.getElementById("app"));
