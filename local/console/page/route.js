// Where the page is: `#/agents/echo/try?user=ada`. The fragment that carries the token is read once and taken away.

export function here() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  return {
    segments: path.split("/").filter(Boolean).map(decoded),
    query: Object.fromEntries(new URLSearchParams(query)),
  };
}

export function to(...segments) {
  return `#/${segments.map(encodeURIComponent).join("/")}`;
}

export function go(address) {
  location.hash = address;
}

// Take the token out of the address; return it, or null if there is none.
export function takeToken() {
  const found = /^#token=([A-Za-z0-9_-]+)$/.exec(location.hash);
  if (!found) return null;
  history.replaceState(null, "", `${location.pathname}#/`);
  return found[1];
}

function decoded(segment) {
  try {
    return decodeURIComponent(segment);
  } catch {
    return segment;
  }
}
