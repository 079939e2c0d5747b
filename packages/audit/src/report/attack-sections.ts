import { epsilonFigure, largestTruePositiveRate } from '@tutti/shared/privacy';
import { markup, percent, smallProbability, type Markup } from '@tutti/simulation/report';
import type { RunAttacks } from '../attack-run.js';
import type { Picture } from '../attacks/pictures.js';
import { bars } from './bars.js';
import { rocFigure } from './roc-figure.js';
import { tile } from './tile.js';

/** Everything that attacks on a run found. */
export function attackSections(attacks: RunAttacks): Markup {
  const { epsilon, delta, membership } = attacks;
  const best = Math.max(...membership.map(({ auc }) => auc));
  const { unprotected, protected: noisy } = attacks.memorisation;
  return markup`<section class="tiles four" aria-label="Summary">
      ${tile('Claimed ε', epsilonFigure(epsilon), `at δ = ${smallProbability(delta)}, unit: one client`)}
      ${tile('Best membership attack', best.toFixed(3), 'area under the curve; a coin has 0.5')}
      ${tile('Found at 1 % wrongly accused', percent(Math.max(...membership.map(({ tprAtHundredth }) => tprAtHundredth))), epsilon === null ? 'no bound' : `ε permits ${percent(largestTruePositiveRate({ epsilon, delta }, 0.01))}`)}
      ${tile('Exposure of a secret', `${noisy.bits.toFixed(1)} bits`, `${unprotected.bits.toFixed(1)} bits without privacy`)}
    </section>
    <section class="charts">${rocFigure(membership, epsilon, delta)} ${membershipTable(attacks)} ${memorisation(attacks)} ${attributes(attacks)}</section>
    ${pictures(attacks.pictures)}`;
}

function membershipTable({ membership, epsilon, delta }: RunAttacks): Markup {
  const bound = (rate: number) =>
    epsilon === null ? 'no bound' : percent(largestTruePositiveRate({ epsilon, delta }, rate));
  return markup`<figure class="chart">
    <h2>At fixed rates</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Attack</th>
            <th scope="col">AUC</th>
            <th scope="col">found at 0.1 %</th>
            <th scope="col">found at 1 %</th>
            <th scope="col">at its threshold</th>
          </tr>
        </thead>
        <tbody>
          ${membership.map(
            ({ name, auc, tprAtThousandth, tprAtHundredth, accused }) =>
              markup`<tr>
                <th scope="row">${name}</th>
                <td>${auc.toFixed(3)}</td>
                <td>${percent(tprAtThousandth)}</td>
                <td>${percent(tprAtHundredth)}</td>
                <td>${accused === undefined ? '–' : `${percent(accused.truePositives)} against ${percent(accused.falsePositives)}`}</td>
              </tr> `,
          )}
          <tr>
            <th scope="row">what ε permits</th>
            <td></td>
            <td>${bound(0.001)}</td>
            <td>${bound(0.01)}</td>
            <td></td>
          </tr>
        </tbody>
      </table>
    </div>
    <figcaption>
      Rows of clients against rows held out: ${membership[0]?.members ?? 0} and ${membership[0]?.nonMembers ?? 0}. ε is that of
      a client, which bounds each of its rows too.
    </figcaption>
  </figure>`;
}

function memorisation({ memorisation: { unprotected, protected: noisy } }: RunAttacks): Markup {
  const most = Math.log2(unprotected.candidates);
  const bar = (label: string, bits: number) => ({ label, value: bits, text: `${bits.toFixed(1)} bits` });
  return bars(
    'Memorisation',
    `A secret of three digits stood once in the text of a small language model. Without privacy it is number ${unprotected.rank} of ${unprotected.candidates} ` +
      `in the order in which the model would say them; trained by DP-SGD at ε = ${epsilonFigure(noisy.epsilon)} for an example, number ${noisy.rank}. ` +
      'The limit is what ε permits, but for 5 %, a secret that nine examples share (Carlini et al. 2019). A model of its own, at the ε of the job.',
    [
      bar('without privacy', unprotected.bits),
      bar(`with ε = ${epsilonFigure(noisy.epsilon)}`, noisy.bits),
      { ...bar('permitted', noisy.largest), bound: true },
    ],
    most,
  );
}

function attributes({ attributes: results }: RunAttacks): Markup | undefined {
  if (results.length === 0) return undefined;
  const mean = (value: (result: (typeof results)[number]) => number) =>
    results.reduce((sum, result) => sum + value(result), 0) / results.length;
  const bar = (label: string, share: number) => ({ label, value: share, text: percent(share) });
  return bars(
    'Attribute inference',
    `An attacker who knows a row but for one column guesses whether it is high or low: right guesses, mean of ${results.length} columns. What members have over ` +
      'others is what the model kept of its own rows; what both have over the likelier half is true of everybody, and no ε hides it ' +
      '(Fredrikson et al. 2015; Yeom et al. 2018).',
    [
      bar(
        'rows trained on',
        mean(({ members }) => members),
      ),
      bar(
        'other rows',
        mean(({ nonMembers }) => nonMembers),
      ),
      bar(
        'the likelier half',
        mean(({ baseline }) => baseline),
      ),
    ],
    1,
  );
}

/** What the numbers under the pictures of an attack mean. */
function remark(attack: string): string {
  return attack === 'Model inversion'
    ? 'Number: correlation with the mean of the class. What is true of a whole class is what the model is for: no ε hides it. It would show a person where the person is the class.'
    : 'Number: correlation with the truth.';
}

function pictures(all: readonly Picture[]): Markup | undefined {
  if (all.length === 0) return undefined;
  const attacks = [...new Set(all.map(({ attack }) => attack))];
  return markup`${attacks.map((attack) => {
    const own = all.filter((picture) => picture.attack === attack);
    return markup`<section class="statement">
      <h2>${attack}</h2>
      <p class="note">${own[0]?.paper}. ${remark(attack)}</p>
      <div class="images">${own.map(image)}</div>
    </section>`;
  })}`;
}

function image({ view, pixels, similarity }: Picture): Markup {
  const side = Math.round(Math.sqrt(pixels.length));
  const least = Math.min(...pixels);
  const span = Math.max(...pixels) - least || 1;
  return markup`<figure>
    <svg viewBox="0 0 ${side} ${side}" shape-rendering="crispEdges" role="img" aria-label="${view}">
      ${pixels.map((value, index) => {
        const shade = Math.round(255 * (1 - (value - least) / span));
        return markup`<rect x="${index % side}" y="${Math.floor(index / side)}" width="1" height="1" fill="rgb(${shade},${shade},${shade})" />`;
      })}
    </svg>
    <figcaption>${view}${similarity === undefined ? undefined : markup`<br />${similarity.toFixed(2)}`}</figcaption>
  </figure>`;
}
