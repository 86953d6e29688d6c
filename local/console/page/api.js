// Requests to the console's host. The token is kept in this module alone: no cookie, no storage.

let token = "";

export const isOpen = () => token !== "";

export function open(given) {
  token = given;
}

// A refusal of the API, or no answer at all (status 0).
export class Refusal extends Error {
  constructor(status, { message, code = null, param = null }) {
    super(message);
    this.status = status;
    this.code = code;
    this.param = param;
  }
}

export const get = (path) => call("GET", path);
export const post = (path, body) => call("POST", path, { body });
export const put = (path, body) => call("PUT", path, { body });
export const remove = (path) => call("DELETE", path);

export async function call(method, path, options = {}) {
  const answer = await send(method, path, options);
  return answer.json();
}

// Send a request and return its response, whose body was not read. `key` makes it a call of the API by that key.
export async function send(method, path, { body, key, signal } = {}) {
  const headers = { "x-antiphon-console": token };
  if (key) headers.authorization = `Bearer ${key}`;
  if (body !== undefined) headers["content-type"] = "application/json";
  let answer;
  try {
    answer = await fetch(path, { method, headers, signal, body: body === undefined ? undefined : JSON.stringify(body) });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Refusal(0, { message: "The console does not answer. Is it still running in the terminal?" });
  }
  if (!answer.ok) throw new Refusal(answer.status, await refusalOf(answer));
  return answer;
}

async function refusalOf(answer) {
  try {
    return (await answer.json()).error;
  } catch {
    return { message: `The console answered ${answer.status}.` };
  }
}

// Return a path with its values in place of `{}`, each as one segment.
export function pathOf(pattern, ...values) {
  return pattern.replace(/\{\}/g, () => encodeURIComponent(values.shift()));
}

// Return a path with a query of those values that are set.
export function withQuery(path, values) {
  const set = Object.entries(values).filter(([, value]) => value !== undefined && value !== null && value !== "");
  return set.length ? `${path}?${new URLSearchParams(set)}` : path;
}
