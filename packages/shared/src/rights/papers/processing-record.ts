import { epsilonText } from '../../privacy/index.js';
import { basisText, modelText, type ProcessingFacts } from './facts.js';
import type { Paper } from './paper.js';
import { retentionEntries } from './retention.js';

/** A controller’s record of the processing (Article 30(1) GDPR), point by point; what the software cannot know is left open. */
export function processingRecord({
  job,
  made,
  software,
  statement,
  columns,
  erasures = [],
  retention,
}: ProcessingFacts): Paper {
  const { figures } = statement ?? {};
  return {
    title: `Record of processing: ${job.name}`,
    preface: [`Made on ${made.slice(0, 10)} by ${software}.`],
    sections: [
      {
        heading: '(a) Controller',
        entries: [{ label: 'Controller', text: job.controller }],
        open: [
          'Contact',
          'Joint controllers: the clients, where they decide with it',
          'Data protection officer',
        ],
      },
      {
        heading: '(b) Purposes',
        entries: [
          { label: 'Purpose', text: job.purpose },
          { label: 'Legal basis', text: basisText(job) },
        ],
      },
      {
        heading: '(c) People and data',
        entries: [
          {
            label: 'Data',
            text:
              columns === undefined
                ? `${job.model.inputs} features and a label`
                : [...columns, job.data.label].join(', '),
          },
          { label: 'Where', text: 'at the clients; the coordinator holds none of it' },
        ],
        open: ['Categories of people'],
      },
      {
        heading: '(d) Recipients',
        entries: [
          { label: 'Coordinator', text: 'noisy sums of many clients’ updates, and who took part' },
          {
            label: 'Whoever is given the model',
            text: `${modelText(job)}${figures === undefined ? '' : `; ε = ${epsilonText(figures.releasedModel.epsilon)} at δ = ${figures.delta}`}`,
          },
        ],
      },
      {
        heading: '(e) Transfers to third countries',
        open: ['Where clients and coordinator are, and on what ground data leave'],
      },
      {
        heading: '(f) Erasure',
        entries: [
          {
            label: 'Requests',
            text:
              erasures.length === 0
                ? 'none'
                : erasures.map(({ number, state }) => `${number} ${state}`).join(', '),
          },
          ...(retention === undefined
            ? [
                {
                  label: 'Retention',
                  text: 'tutti records retention: checkpoints go after their period, the ledger stays',
                },
              ]
            : retentionEntries(retention)),
        ],
        open: [
          retention === undefined
            ? 'Periods for models, logs and data'
            : 'Periods for data at the clients, for backups, and for models that were handed out',
        ],
      },
      {
        heading: '(g) Security',
        entries: [
          {
            label: 'Technical',
            text: 'secure aggregation, distributed noise, certificates for every client, a ledger chained by hashes',
          },
        ],
        open: ['Organisational'],
      },
    ],
  };
}
