import type { Paper, PaperSection } from '@tutti/shared/rights';
import { reportStyle } from './assets.js';
import { markup, type Markup } from './markup.js';
import { page } from './page.js';

/** A paper as one HTML file, to be read and to be printed and signed. It asks the network for nothing and runs no script. */
export function renderPaper({ title, preface, sections }: Paper): string {
  const body = markup`<main class="paper">
    <header>
      <p class="brand">tutti</p>
      <h1>${title}</h1>
      ${preface.map((text) => markup`<p class="purpose">${text}</p>`)}
    </header>
    ${sections.map(section)}
    <footer><p>This file asks the network for nothing.</p></footer>
  </main>`;
  return page(`${title} · Tutti`, body, `${reportStyle()}\n${STYLE}`);
}

const STYLE = `
.paper h1 { font-size: 32px; }
.paper td, .paper th { text-align: left; vertical-align: top; }
.paper .open { display: flex; gap: 12px; margin-top: 14px; }
.paper .open span:last-child { flex: 1; min-width: 120px; border-bottom: 1px solid var(--quiet-ink); }
`;

function section({ heading, text = [], entries = [], table, open = [] }: PaperSection): Markup {
  return markup`<section class="statement">
    <h2>${heading}</h2>
    ${text.map((paragraph) => markup`<p class="note">${paragraph}</p>`)}
    ${
      entries.length === 0
        ? undefined
        : markup`<dl>${entries.map(({ label, text: value }) => markup`<dt>${label}</dt><dd>${value}</dd>`)}</dl>`
    }
    ${table === undefined ? undefined : tableOf(table)}
    ${open.map((field) => markup`<p class="open"><span>${field}</span><span></span></p>`)}
  </section>`;
}

function tableOf({ columns, rows }: NonNullable<PaperSection['table']>): Markup {
  return markup`<div class="scroll">
    <table>
      <thead><tr>${columns.map((column) => markup`<th scope="col">${column}</th>`)}</tr></thead>
      <tbody>${rows.map((cells) => markup`<tr>${cells.map((cell) => markup`<td>${cell}</td>`)}</tr>`)}</tbody>
    </table>
  </div>`;
}
