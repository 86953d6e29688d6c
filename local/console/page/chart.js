// Bars by day, as SVG. What they show is in a table beside them, too.

import { html } from "./dom.js";
import { number } from "./time.js";

const HEIGHT = 120;
const STEP = 14;

export function Bars({ label, days }) {
  const most = Math.max(1, ...days.map((day) => day.value));
  const width = Math.max(days.length, 7) * STEP;
  return html`<svg class="bars" role="img" aria-label=${label} viewBox=${`0 0 ${width} ${HEIGHT}`} preserveAspectRatio="none">
    ${days.map(({ day, value }, index) => {
      const height = value ? Math.max(2, (value / most) * (HEIGHT - 4)) : 0;
      return html`<g key=${day}><title>${day}: ${number(value)}</title>
        <rect class="hover" x=${index * STEP} y="0" width=${STEP} height=${HEIGHT} />
        <rect x=${index * STEP + 2} y=${HEIGHT - height} width=${STEP - 4} height=${height} rx="1.5" /></g>`;
    })}</svg>
    <p class="axis" aria-hidden="true"><span>${days[0]?.day}</span><span>at most ${number(most)} on a day</span><span>${days.at(-1)?.day}</span></p>`;
}
