// What differs between two documents, by line.

import { html } from "./dom.js";

const MOST = 1500;

export function Difference({ before, after, label }) {
  const lines = differences(linesOf(before), linesOf(after));
  return html`<pre class="diff" tabindex="0" aria-label=${label}><code>${lines.map(([mark, line]) => html`
    <span class=${mark === "+" ? "added" : mark === "-" ? "removed" : ""}>${`${mark} ${line}\n`}</span>`)}</code></pre>`;
}

const linesOf = (value) => JSON.stringify(value, null, 2).split("\n");

// Return the lines of both, each with `-`, `+` or a space: by their longest common subsequence.
export function differences(before, after) {
  if (before.length + after.length > MOST) return [...before.map((line) => ["-", line]), ...after.map((line) => ["+", line])];
  const common = before.map(() => new Array(after.length + 1).fill(0));
  common.push(new Array(after.length + 1).fill(0));
  for (let i = before.length - 1; i >= 0; i--) {
    for (let j = after.length - 1; j >= 0; j--) {
      common[i][j] = before[i] === after[j] ? common[i + 1][j + 1] + 1 : Math.max(common[i + 1][j], common[i][j + 1]);
    }
  }
  const lines = [];
  let [i, j] = [0, 0];
  while (i < before.length || j < after.length) {
    if (i < before.length && j < after.length && before[i] === after[j]) [lines[lines.length], i, j] = [[" ", before[i]], i + 1, j + 1];
    else if (j < after.length && (i === before.length || common[i][j + 1] > common[i + 1][j])) lines.push(["+", after[j++]]);
    else lines.push(["-", before[i++]]);
  }
  return lines;
}
