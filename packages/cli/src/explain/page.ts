import { markup, page, reportStyle, type Markup } from '@tutti/simulation/report';
import type { Explanation } from './explanation.js';

const WIDTH = 720;
const LINE = 22;
const NAMES = 220;
const FIGURES = 80;
const SHOWN = 30;

/** An explanation as one HTML file that asks the network for nothing and runs no script. */
export function explanationPage(explanation: Explanation): string {
  const { model, how, label, row, base, score, background, notes, curve, image } = explanation;
  const picture =
    curve !== undefined
      ? curvePicture(curve)
      : image !== undefined
        ? imagePicture(explanation)
        : barPicture(explanation);
  const scores =
    score === undefined
      ? undefined
      : markup` <span>score ${score.toFixed(4)}${base === undefined ? '' : `, base ${base.toFixed(4)}`}</span>`;
  const body = markup`<main>
    <header>
      <p class="brand">tutti</p>
      <h1>Why class ${label}?</h1>
      <p class="purpose">${how}.</p>
      <p class="run">${row === undefined ? 'All rows' : `Row ${row}`}${scores} <span>Model <code>${model}</code></span></p>
    </header>
    <section class="guarantee">
      <h2>${curve === undefined ? 'What counted' : curve.name}</h2>
      ${picture}
      ${notes.map((note) => markup`<p class="note">${note}</p>`)}
      <p class="note">Background: ${background}. No other client’s row was looked at.</p>
    </section>
    <footer><p>Made by Tutti where the data is. This file asks the network for nothing.</p></footer>
  </main>`;
  return page(`Class ${label} explained · Tutti`, body, `${reportStyle()}\n${STYLE}`);
}

const STYLE = `
.explanation { display: block; width: 100%; height: auto; margin: 14px 0; }
.explanation text { fill: var(--ink); font-size: 13px; }
.explanation .figure-text { fill: var(--quiet-ink); }
.explanation .for { fill: var(--blue); }
.explanation .against { fill: var(--orange); }
.explanation .axis { stroke: var(--line); }
.explanation .curve { fill: none; stroke: var(--blue); stroke-width: 2; }
.explanation .frame { fill: none; stroke: var(--line); }
`;

function barPicture({ values }: Explanation): Markup {
  const shown = [...values].sort((a, b) => Math.abs(b.value) - Math.abs(a.value)).slice(0, SHOWN);
  const largest = Math.max(...shown.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
  const middle = NAMES + (WIDTH - NAMES - FIGURES) / 2;
  const half = (WIDTH - NAMES - FIGURES) / 2 - 8;
  const height = shown.length * LINE + 8;
  return markup`<svg class="explanation" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Bars, the strongest first">
    <line class="axis" x1="${middle}" y1="0" x2="${middle}" y2="${height}" />
    ${shown.map(({ name, value }, index) => {
      const length = (Math.abs(value) / largest) * half;
      const y = index * LINE + 6;
      return markup`<text x="${NAMES - 10}" y="${y + 12}" text-anchor="end">${name}</text>
        <rect class="${value < 0 ? 'against' : 'for'}" x="${value < 0 ? middle - length : middle}" y="${y}" width="${length}" height="15" rx="2" />
        <text class="figure-text" x="${WIDTH - 4}" y="${y + 12}" text-anchor="end">${value.toFixed(4)}</text>`;
    })}
  </svg>`;
}

function curvePicture({ name, grid, scores }: NonNullable<Explanation['curve']>): Markup {
  const [least, greatest] = [Math.min(...grid), Math.max(...grid)];
  const x = (value: number) => 40 + ((value - least) / (greatest - least || 1)) * (WIDTH - 60);
  const y = (score: number) => 220 - score * 200;
  const points = grid.map((value, i) => `${x(value).toFixed(1)},${y(scores[i] ?? 0).toFixed(1)}`).join(' ');
  return markup`<svg class="explanation" viewBox="0 0 ${WIDTH} 250" role="img" aria-label="Mean score over ${name}">
    <rect class="frame" x="40" y="20" width="${WIDTH - 60}" height="200" />
    <polyline class="curve" points="${points}" />
    <text x="34" y="26" text-anchor="end">1</text>
    <text x="34" y="222" text-anchor="end">0</text>
    <text x="40" y="240">${least.toFixed(2)}</text>
    <text x="${WIDTH - 20}" y="240" text-anchor="end">${greatest.toFixed(2)}</text>
  </svg>`;
}

function imagePicture({ values, image }: Explanation): Markup {
  const { width = 1, height = 1 } = image ?? {};
  const largest = Math.max(...values.map(({ value }) => Math.abs(value)), Number.MIN_VALUE);
  return markup`<svg class="explanation" viewBox="-1 -1 ${width * 2 + 2} ${height + 2}" role="img" aria-label="Blue speaks for the class, orange against it">
    ${values.map(
      ({ value }, pixel) =>
        markup`<rect class="${value < 0 ? 'against' : 'for'}" x="${pixel % width}" y="${Math.floor(pixel / width)}" width="1" height="1" fill-opacity="${(Math.abs(value) / largest).toFixed(3)}" />`,
    )}
    <rect class="frame" stroke-width="0.05" x="0" y="0" width="${width}" height="${height}" />
  </svg>`;
}
