import { epsilonFigure } from '@tutti/shared/privacy';
import {
  isStatistics,
  type SimulatedJob,
  type Job,
  type RoundRecord,
  type RunFacts,
  type RunSummary,
} from '@tutti/shared/protocol';
import { chartsOf, type Chart } from './charts.js';
import { count, duration, percent, smallProbability } from './figures.js';
import { guaranteeOf, type Guarantee } from './guarantee.js';
import { markup, type Markup } from './markup.js';
import { jobTable, roundsTable } from './tables.js';

/** A part of the privacy statement: a heading and what it says. */
export interface StatementSection {
  readonly heading: string;
  readonly entries: readonly { readonly label: string; readonly text: string }[];
}

interface BodyInput {
  readonly summary: RunSummary;
  readonly rounds: readonly RoundRecord[];
  readonly job: Job;
  readonly statement?: readonly StatementSection[];
}

/** Everything between the body tags but the scripts. */
export function body({ summary, rounds, job, statement }: BodyInput): Markup {
  return markup`<main>
    ${header(summary, job, [`${summary.backend} backend`])} ${tiles(summary, rounds, job, tile('Accuracy', percent(summary.accuracy), `loss ${summary.loss.toFixed(3)} on held-out rows`))} ${guarantee(summary, job)}
    <section class="charts" aria-label="Charts">
      ${chartsOf(rounds, job).charts.map(figure)}
      <noscript><p>The charts need scripts; the table of rounds below has the same figures.</p></noscript>
    </section>
    ${statement === undefined ? undefined : statementCard(statement)} ${jobTable(job)} ${roundsTable(rounds)}
    <footer>
      <p>Model <code>${summary.modelHash}</code></p>
      <p>Made by Tutti. This file asks the network for nothing.</p>
    </footer>
  </main>`;
}

export function header(summary: RunFacts, job: SimulatedJob, notes: readonly string[]): Markup {
  const endings = {
    rounds: 'all rounds done',
    budget: 'stopped at the ε budget',
    stalled: 'stopped: every attempt at the next round was aborted',
    interrupted: 'interrupted',
  };
  return markup`<header>
    <p class="brand">tutti</p>
    <h1>${summary.job}</h1>
    <p class="purpose">${job.purpose}</p>
    <p class="run">
      Run <code>${summary.run}</code> <span>${endings[summary.stopped]}</span>
      ${notes.map((note) => markup`<span>${note}</span> `)}
      <span>${summary.transport === 'memory' ? 'in memory' : 'over sockets'}</span
      >${summary.seeded ? markup` <span class="warning">seeded</span>` : undefined}
    </p>
  </header>`;
}

/** @param result - what comes before everything that is the same for jobs of every kind */
export function tiles(
  summary: RunFacts,
  rounds: readonly RoundRecord[],
  job: SimulatedJob,
  result: Markup,
): Markup {
  const completed = rounds.filter(({ outcome }) => outcome === 'completed');
  const mean = (value: (record: RoundRecord) => number) =>
    completed.reduce((sum, record) => sum + value(record), 0) / Math.max(1, completed.length);
  const drawn = mean(({ selected }) => selected).toFixed(0);
  const summed = mean(({ survivors }) => survivors).toFixed(0);
  const released = isStatistics(job) ? 'statistics' : 'released model';
  return markup`<section class="tiles" aria-label="Summary">
    ${result}
    ${tile(`ε, ${released}`, epsilonFigure(summary.epsilon.releasedModel), `of ${job.privacy.epsilon}, at δ = ${smallProbability(summary.delta)}`, meter(summary.epsilon.releasedModel, job.privacy.epsilon))}
    ${tile('ε, coordinator', epsilonFigure(summary.epsilon.coordinator), job.privacy.unit === 'example' ? 'each example of the most frequent client' : 'for the most frequent client')}
    ${tile('Rounds', count(summary.rounds), summary.aborted === 0 ? `of ${job.rounds}, none aborted` : `of ${job.rounds}, ${summary.aborted} aborted`)}
    ${tile('Clients', count(summary.clients), `${summed} of ${drawn} drawn are in a sum`)}
    ${tile('Time', duration(summary.seconds), `noise multiplier ${summary.noiseMultiplier.toFixed(3)}`)}
  </section>`;
}

export function tile(label: string, figure: string, note: string, extra?: Markup): Markup {
  return markup`<div class="tile">
    <p class="label">${label}</p>
    <p class="figure">${figure}</p>
    ${extra}
    <p class="note">${note}</p>
  </div> `;
}

/** How much of the budget is spent. */
function meter(spent: number | null, budget: number): Markup {
  const share = spent === null || !Number.isFinite(spent) ? 1 : Math.min(1, Math.max(0, spent / budget));
  return markup`<svg
    class="meter"
    viewBox="0 0 100 4"
    preserveAspectRatio="none"
    role="img"
    aria-label="${percent(share)} of the budget"
  >
    <rect width="100" height="4" rx="2" />
    <rect class="spent" width="${(share * 100).toFixed(2)}" height="4" rx="2" />
  </svg>`;
}

/** @param more - said besides what is said of a run of any kind */
export function guarantee(summary: RunFacts, job: SimulatedJob, more: Guarantee['parts'] = []): Markup {
  const { heading, warning, parts } = guaranteeOf(summary, job);
  return markup`<section class="guarantee${warning === undefined ? '' : ' none'}">
    <h2>${heading}</h2>
    ${warning === undefined ? undefined : markup`<p class="warning">${warning}</p>`}
    <div class="parts">
      ${[...parts, ...more].map(
        ({ title, text }) =>
          markup`<div>
            <h3>${title}</h3>
            <p>${text}</p>
          </div>`,
      )}
    </div>
  </section>`;
}

export function figure({ id, title, caption }: Chart): Markup {
  return markup`<figure class="chart" id="${id}">
    <h2>${title}</h2>
    <div class="plot"></div>
    <figcaption>${caption}</figcaption>
  </figure> `;
}

export function statementCard(sections: readonly StatementSection[]): Markup {
  return markup`<section class="statement">
    <h2>Privacy statement</h2>
    ${sections.map(
      ({ heading, entries }) =>
        markup`<h3>${heading}</h3>
          <dl>
            ${entries.map(
              ({ label, text }) =>
                markup`<dt>${label}</dt>
                  <dd>${text}</dd>`,
            )}
          </dl> `,
    )}
  </section>`;
}
