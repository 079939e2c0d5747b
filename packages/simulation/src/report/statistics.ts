import { noisyFigure } from '@tutti/shared/learning';
import type { RoundRecord, StatisticsJob, StatisticsSummary } from '@tutti/shared/protocol';
import { reportAssets } from './assets.js';
import { figure, guarantee, header, statementCard, tile, tiles, type StatementSection } from './body.js';
import { chartsOf } from './charts.js';
import { count } from './figures.js';
import { markup, type Markup } from './markup.js';
import { page } from './page.js';
import { jobTable, roundsTable } from './tables.js';

export interface StatisticsReportInput {
  readonly summary: StatisticsSummary;
  /** One record an attempt at a round, in their order. */
  readonly rounds: readonly RoundRecord[];
  readonly job: StatisticsJob;
  /** The privacy statement, section by section. */
  readonly statement: readonly StatementSection[];
}

/** The report of a run that counted, in the form of {@link renderReport}. */
export function renderStatisticsReport(input: StatisticsReportInput): string {
  const { summary, rounds, job, statement } = input;
  const { style, script } = reportAssets();
  const charts = chartsOf(rounds, job);
  const known = summary.columns.filter(({ mean }) => mean !== null).length;
  const result = tile('Columns', count(summary.columns.length), `${known} with a mean`);
  const body = markup`<main>
    ${header(summary, job, ['statistics'])} ${tiles(summary, rounds, job, result)} ${found(summary)}
    ${guarantee(summary, job)}
    <section class="charts" aria-label="Charts">
      ${charts.charts.map(figure)}
      <noscript><p>The charts need scripts; the table of rounds below has the same figures.</p></noscript>
    </section>
    ${statementCard(statement)} ${jobTable(job)} ${roundsTable(rounds, false)}
    <footer>
      <p>Statistics <code>${summary.statisticsHash}</code></p>
      <p>Made by Tutti. This file asks the network for nothing.</p>
    </footer>
  </main>`;
  return page(`${summary.job} · Tutti`, body, style, { script, data: charts });
}

function found({ columns }: StatisticsSummary): Markup {
  const quantiles = columns.find((column) => column.quantiles !== null)?.quantiles ?? [];
  const headings = ['Count', 'Mean', 'Deviation', ...quantiles.map(({ quantile }) => `${quantile * 100} %`)];
  return markup`<section class="statement">
    <h2>What was found</h2>
    <p>After each figure, the standard error that the noise gives it.</p>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Column</th>
            ${headings.map((heading) => markup`<th scope="col">${heading}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${columns.map(
            ({ name, count: counted, mean, deviation, quantiles: own }) =>
              markup`<tr>
                <th scope="row">${name}</th>
                ${[counted, mean, deviation, ...quantiles.map((_, place) => own?.[place] ?? null)].map(
                  (noisy) => markup`<td>${noisyFigure(noisy)}</td>`,
                )}
              </tr> `,
          )}
        </tbody>
      </table>
    </div>
  </section>`;
}
