import { markup, type Markup } from '@tutti/simulation/report';

/** One bar: a measurement, or the most that a measurement may be. */
export interface Bar {
  readonly label: string;
  readonly value: number;
  readonly text: string;
  /** Drawn as a limit. */
  readonly bound?: boolean;
}

const ROW = 26;
const WIDTH = 520;
const LABELS = 190;

/** Horizontal bars over one scale from 0 to `most`. */
export function bars(title: string, caption: string, all: readonly Bar[], most: number): Markup {
  const length = (value: number) => Math.max(0, (value / most) * (WIDTH - LABELS - 60));
  return markup`<figure class="chart">
    <h2>${title}</h2>
    <svg class="plane bars" viewBox="0 0 ${WIDTH} ${all.length * ROW}" role="img" aria-label="${title}">
      ${all.map(
        ({ label, value, text, bound }, row) =>
          markup`<text x="${LABELS - 8}" y="${row * ROW + 17}" text-anchor="end">${label}</text>
            <rect class="${bound === true ? 'limit' : ''}" x="${LABELS}" y="${row * ROW + 5}" width="${length(value)}" height="${ROW - 10}" rx="2" />
            <text x="${LABELS + length(value) + 6}" y="${row * ROW + 17}">${text}</text>`,
      )}
    </svg>
    <figcaption>${caption}</figcaption>
  </figure> `;
}
