import { epsilonFigure } from '@tutti/shared/privacy';
import type { Job, RoundRecord, RunSummary, ShardSummary } from '@tutti/shared/protocol';
import { reportAssets } from './assets.js';
import { figure, guarantee, header, statementCard, tile, tiles, type StatementSection } from './body.js';
import type { Charts, Series } from './charts.js';
import { percent } from './figures.js';
import { markup, type Markup } from './markup.js';
import { page } from './page.js';
import { jobTable } from './tables.js';

/** One shard of a run: what it came to, and one record an attempt at a round of its own. */
export interface ShardOfReport {
  readonly summary: ShardSummary;
  readonly rounds: readonly RoundRecord[];
}

export interface ShardsReportInput {
  readonly summary: RunSummary;
  readonly job: Job;
  readonly shards: readonly ShardOfReport[];
  /** The privacy statement of all shards together, section by section. */
  readonly statement: readonly StatementSection[];
}

/** The report of a run of several shards, in the form of {@link renderReport}. Every shard has one of its own besides. */
export function renderShardsReport({ summary, job, shards, statement }: ShardsReportInput): string {
  const { style, script } = reportAssets();
  const charts = chartsOfShards(shards, job);
  const notes = [`${summary.backend} backend`, `${shards.length} shards`];
  const accuracy = `loss ${summary.loss.toFixed(3)} on held-out rows, all models together`;
  const rounds = shards.flatMap((shard) => shard.rounds);
  const body = markup`<main>
    ${header(summary, job, notes)}
    ${tiles(summary, rounds, { ...job, rounds: job.rounds * job.erasure.shards }, tile('Accuracy', percent(summary.accuracy), accuracy))}
    ${guarantee(summary, job, [OVER_SHARDS])} ${table(shards)}
    <section class="charts" aria-label="Charts">
      ${charts.charts.map(figure)}
      <noscript><p>The charts need scripts; the reports of the shards have a table of their rounds.</p></noscript>
    </section>
    ${statementCard(statement)} ${jobTable(job)}
    <footer>
      <p>Models <code>${summary.modelHash}</code></p>
      <p>Made by Tutti. This file asks the network for nothing.</p>
    </footer>
  </main>`;
  return page(`${summary.job} · Tutti`, body, style, { script, data: charts });
}

const OVER_SHARDS = {
  title: 'Over the shards',
  text: 'A client is in one shard alone, whatever its data, and no other shard’s model has seen it: what the release of all models costs it is what its own shard has spent. The figures are those of the shard that spent most.',
};

function table(shards: readonly ShardOfReport[]): Markup {
  const headings = ['Clients', 'Rounds', 'Aborted', 'ε released', 'ε coordinator', 'Accuracy by itself'];
  return markup`<section class="statement">
    <h2>The shards</h2>
    <p>Each has a report of its own, with all of its rounds: shards/1/report.html, and so on.</p>
    <div class="scroll">
      <table>
        <thead>
          <tr>
            <th scope="col">Shard</th>
            ${headings.map((heading) => markup`<th scope="col">${heading}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${shards.map(row)}
        </tbody>
      </table>
    </div>
  </section>`;
}

function row({ summary, rounds }: ShardOfReport): Markup {
  const { shard, clients, aborted, epsilon } = summary;
  const accuracy = rounds.findLast(({ outcome }) => outcome === 'completed')?.accuracy;
  return markup`<tr>
    <th scope="row">${shard}</th>
    <td>${clients}</td>
    <td>${summary.rounds}</td>
    <td>${aborted}</td>
    <td>${epsilonFigure(epsilon.releasedModel)}</td>
    <td>${epsilonFigure(epsilon.coordinator)}</td>
    <td>${accuracy === undefined ? '–' : percent(accuracy)}</td>
  </tr> `;
}

const COLOURS = ['blue', 'orange', 'green', 'violet', 'red'] as const;

/** A curve a shard, over the rounds that were completed. */
function chartsOfShards(shards: readonly ShardOfReport[], job: Job): Charts {
  const completed = shards.map(({ rounds }) => rounds.filter(({ outcome }) => outcome === 'completed'));
  const longest = Math.max(0, ...completed.map((rounds) => rounds.length));
  const axis = Array.from({ length: longest }, (_, index) => index + 1);
  const curves = (value: (record: RoundRecord) => number | null): Series[] =>
    completed.map((rounds, index) => ({
      label: `shard ${shards[index]?.summary.shard ?? index + 1}`,
      colour: COLOURS[index % COLOURS.length] ?? 'quiet',
      values: axis.map((round) => {
        const record = rounds.find((one) => one.round === round);
        const known = record === undefined ? null : value(record);
        return known !== null && Number.isFinite(known) ? known : null;
      }),
    }));
  const budget: Series = {
    label: 'budget',
    colour: 'quiet',
    values: axis.map(() => job.privacy.epsilon),
    bound: true,
  };
  return {
    rounds: axis,
    charts: [
      {
        id: 'accuracy',
        title: 'Accuracy of each shard’s model',
        caption: 'Share of the public held-out rows that the model by itself classifies rightly.',
        shape: 'curves',
        unit: 'percent',
        series: curves(({ accuracy }) => accuracy ?? null),
      },
      {
        id: 'epsilon-released-model',
        title: 'ε against whoever sees the released models',
        caption:
          'Privacy spent so far on the clients of each shard. A shard stops before the budget is exceeded.',
        shape: 'curves',
        unit: 'number',
        series: [...curves(({ epsilon }) => epsilon.releasedModel), budget],
      },
      {
        id: 'epsilon-coordinator',
        title: 'ε against the coordinator',
        caption: 'For the client of each shard that took part most often.',
        shape: 'curves',
        unit: 'number',
        series: curves(({ epsilon }) => epsilon.coordinator),
      },
    ],
  };
}
