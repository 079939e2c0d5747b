import { markup, type Markup } from '@tutti/simulation/report';

/** One figure with its name and a remark. */
export function tile(label: string, figure: string, note: string): Markup {
  return markup`<div class="tile">
    <p class="label">${label}</p>
    <p class="figure">${figure}</p>
    <p class="note">${note}</p>
  </div> `;
}
