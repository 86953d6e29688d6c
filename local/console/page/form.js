// Forms. A refusal is shown at the field that its `param` names, else above the button.

import { createContext, html, useContext, useId, useRef, useState } from "./dom.js";
import { Failure } from "./parts.js";

const Refused = createContext({ error: null, names: new Set() });

// `value` is that of the button, for a form with several; `submit` gets the button that was pressed.
export function Form({ label, submit, action, value, children, also = null }) {
  const [state, set] = useState({ busy: false, error: null });
  const names = useRef(new Set());
  async function sent(event) {
    event.preventDefault();
    const form = event.currentTarget;
    set({ busy: true, error: null });
    try {
      await submit(new FormData(form), form, event.submitter);
      set({ busy: false, error: null });
    } catch (error) {
      set({ busy: false, error });
      const field = form.elements.namedItem(fieldOf(error, names.current));
      if (field instanceof HTMLElement) field.focus();
    }
  }
  const atField = state.error && names.current.has(fieldOf(state.error, names.current));
  return html`<form onSubmit=${sent} aria-label=${label}>
    <${Refused.Provider} value=${{ error: state.error, names: names.current }}>${children}</${Refused.Provider}>
    ${!atField && html`<${Failure} error=${state.error} />`}
    <div class="actions"><button type="submit" value=${value} aria-busy=${state.busy} disabled=${state.busy}>${action}</button>${also}</div>
  </form>`;
}

// A field is not controlled: what is typed stays when the form is drawn anew.
export function Field({ name, label, hint, options, value = "", area = false, ...rest }) {
  const { error, names } = useContext(Refused);
  const id = useId();
  names.add(name);
  const refused = error && fieldOf(error, names) === name;
  const described = [hint && `${id}-hint`, refused && `${id}-error`].filter(Boolean).join(" ") || undefined;
  const shared = { id, name, "aria-describedby": described, "aria-invalid": refused ? "true" : undefined, defaultValue: value, ...rest };
  return html`<div class="field">
    <label for=${id}>${label}</label>
    ${area ? html`<textarea ...${shared} />`
      : html`<input ...${shared} list=${options ? `${id}-options` : undefined} autocomplete="off" />`}
    ${options && html`<datalist id=${`${id}-options`}>${options.map((option) => html`<option value=${option} />`)}</datalist>`}
    ${hint && html`<small id=${`${id}-hint`}>${hint}</small>`}
    ${refused && html`<small id=${`${id}-error`} role="alert" class="failure">${error.message}</small>`}
  </div>`;
}

export function Choice({ name, label, hint, options, value }) {
  const { names } = useContext(Refused);
  const id = useId();
  names.add(name);
  return html`<div class="field">
    <label for=${id}>${label}</label>
    <select id=${id} name=${name} aria-describedby=${hint ? `${id}-hint` : undefined}>
      ${options.map(([key, title]) => html`<option value=${key} selected=${key === value}>${title}</option>`)}</select>
    ${hint && html`<small id=${`${id}-hint`}>${hint}</small>`}</div>`;
}

export function Check({ name, label, hint, value = "on", checked = false }) {
  const id = useId();
  return html`<div class="check"><label for=${id}><input type="checkbox" id=${id} name=${name} value=${value}
    defaultChecked=${checked} /> ${label}</label>${hint && html`<small>${hint}</small>`}</div>`;
}

export function Checks({ legend, name, options, checked }) {
  return html`<fieldset><legend>${legend}</legend><div class="checks">${options.map((option) => html`
    <${Check} name=${name} label=${option} value=${option} checked=${checked.includes(option)} />`)}</div></fieldset>`;
}

// Return the names that a text lists, separated by commas or spaces.
export const names = (text) => (text ?? "").split(/[\s,]+/).filter(Boolean);

// Read a field that holds a JSON object; an empty one is `{}`.
export function objectOf(data, name) {
  const text = data.get(name)?.trim();
  if (!text) return {};
  let value;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw Object.assign(new Error(`This is not JSON: ${error.message}`), { param: name });
  }
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw Object.assign(new Error("This must be a JSON object: { ... }"), { param: name });
  }
  return value;
}

// Return the field of a refusal: `limits.tokens_per_day` is that of the last name that has a field.
function fieldOf(error, known) {
  const parts = (error?.param ?? "").split(/[.[]/);
  return parts.findLast((part) => known.has(part)) ?? "";
}
