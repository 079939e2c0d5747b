import { epsilonFigure } from '@tutti/shared/privacy';
import type { SimulatedJob, RoundRecord } from '@tutti/shared/protocol';
import { percent } from './figures.js';
import { markup, type Markup } from './markup.js';

/** The job as resolved: every setting with its value. */
export function jobTable(job: SimulatedJob): Markup {
  return markup`<details>
    <summary>The job</summary>
    <dl class="job">
      ${leaves(job).map(
        ([name, value]) =>
          markup`<dt>${name}</dt>
            <dd>${value}</dd>`,
      )}
    </dl>
  </details>`;
}

function leaves(value: object, prefix = ''): readonly (readonly [string, string])[] {
  return Object.entries(value).flatMap(([key, child]: [string, unknown]) => {
    const name = `${prefix}${key}`;
    if (child !== null && typeof child === 'object' && !Array.isArray(child))
      return leaves(child, `${name}.`);
    return [[name, typeof child === 'string' ? child : JSON.stringify(child)] as const];
  });
}

/**
 * Every attempt at a round, as the charts show them and for those who cannot see charts.
 * @param learns - whether rounds have a loss and an accuracy
 */
export function roundsTable(rounds: readonly RoundRecord[], learns = true): Markup {
  const headings = [
    'Round',
    'Cohort',
    'Roster',
    'Sharers',
    'In the sum',
    ...(learns ? ['Loss', 'Accuracy'] : ['Outcome']),
    'ε released',
    'ε coordinator',
    'Seconds',
  ];
  return markup`<details>
    <summary>Every round</summary>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            ${headings.map((heading) => markup`<th scope="col">${heading}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rounds.map((record) => row(record, learns))}
        </tbody>
      </table>
    </div>
  </details>`;
}

function row(record: RoundRecord, learns: boolean): Markup {
  const { round, attempt, selected, roster, sharers, survivors, loss, accuracy, epsilon, milliseconds } =
    record;
  const counts = [selected, roster, sharers, survivors].map((value) => markup`<td>${value}</td>`);
  const spent = markup`<td>${epsilonFigure(epsilon.releasedModel)}</td>
    <td>${epsilonFigure(epsilon.coordinator)}</td>`;
  const results =
    record.outcome === 'completed'
      ? learns
        ? markup`<td>${loss?.toFixed(3) ?? '–'}</td>
          <td>${accuracy === undefined ? '–' : percent(accuracy)}</td>`
        : markup`<td>completed</td>`
      : markup`<td colspan="${learns ? 2 : 1}" class="aborted">
          aborted${record.reason === undefined ? '' : `: ${record.reason}`}
        </td>`;
  const name = attempt > 0 ? `${round}, attempt ${attempt + 1}` : round;
  return markup`<tr>
    <th scope="row">${name}</th>
    ${counts}${results}${spent}
    <td>${(milliseconds.total / 1000).toFixed(2)}</td>
  </tr> `;
}
