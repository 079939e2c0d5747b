import { largestTruePositiveRate } from '@tutti/shared/privacy';
import { markup, percent, type Markup } from '@tutti/simulation/report';
import type { MembershipResult } from '../attacks/membership/index.js';

const WIDTH = 520;
const HEIGHT = 360;
const MARGIN = { left: 52, right: 28, top: 12, bottom: 40 };
/** Rates from a thousandth to one, on logarithmic axes: what matters is who can be accused without accusing others. */
const DECADES = 3;
const COLOURS = ['blue', 'orange', 'violet', 'green'] as const;

const x = (rate: number) =>
  MARGIN.left + (1 + Math.log10(Math.max(rate, 1e-3)) / DECADES) * (WIDTH - MARGIN.left - MARGIN.right);
const y = (rate: number) =>
  HEIGHT -
  MARGIN.bottom -
  (1 + Math.log10(Math.max(rate, 1e-3)) / DECADES) * (HEIGHT - MARGIN.top - MARGIN.bottom);

/** The curves of membership attacks, and the one that no attack can cross. */
export function rocFigure(
  results: readonly MembershipResult[],
  epsilon: number | null,
  delta: number,
): Markup {
  const rates = Array.from({ length: 91 }, (_, step) => 10 ** (-DECADES + step / 30));
  return markup`<figure class="chart">
    <h2>Membership inference</h2>
    <svg class="plane" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="ROC curves on logarithmic axes">
      ${[0.001, 0.01, 0.1, 1].map(
        (rate) =>
          markup`<line class="grid" x1="${x(rate)}" x2="${x(rate)}" y1="${y(1)}" y2="${y(0.001)}" />
            <line class="grid" x1="${x(0.001)}" x2="${x(1)}" y1="${y(rate)}" y2="${y(rate)}" />
            <text x="${x(rate)}" y="${HEIGHT - 22}" text-anchor="middle">${percent(rate)}</text>
            <text x="${MARGIN.left - 6}" y="${y(rate) + 4}" text-anchor="end">${percent(rate)}</text>`,
      )}
      <text x="${WIDTH / 2}" y="${HEIGHT - 4}" text-anchor="middle">accused though not a member</text>
      <path class="curve bound" d="${path(rates.map((rate) => [rate, rate]))}" />
      ${epsilon === null ? undefined : markup`<path class="curve bound" d="${path(rates.map((rate) => [rate, largestTruePositiveRate({ epsilon, delta }, rate)]))}" />`}
      ${results.map(({ roc }, index) => markup`<path class="curve ${COLOURS[index % COLOURS.length]}" d="${path(roc.map((point) => [point.falsePositiveRate, point.truePositiveRate]))}" />`)}
    </svg>
    <ul class="legend">
      ${results.map(
        ({ name }, index) =>
          markup`<li>
            <svg viewBox="0 0 12 10"><line class="curve ${COLOURS[index % COLOURS.length]}" stroke-width="3" x1="0" x2="12" y1="5" y2="5" /></svg>${name}
          </li>`,
      )}
    </ul>
    <figcaption>
      Members found, against others accused. Dashed: a coin, and above it what (ε, δ) lets any attack come to. Below a rate of one
      in the number of rows a curve is a matter of chance.
    </figcaption>
  </figure>`;
}

const path = (points: readonly (readonly [number, number])[]) =>
  points
    .map(([fpr, tpr], index) => `${index === 0 ? 'M' : 'L'}${x(fpr).toFixed(1)} ${y(tpr).toFixed(1)}`)
    .join('');
