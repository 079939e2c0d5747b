import type { Job } from '../../protocol/index.js';
import type { Paper } from './paper.js';

/** Which columns of a data set were read and why, and which were left alone (Article 5(1)(c) GDPR). */
export function minimisationReport(job: Job, columns: readonly string[]): Paper {
  const { label, source } = job.data;
  const features = columns.filter((column) => column !== label);
  const unused = features.slice(job.model.inputs);
  return {
    title: `Data that ${job.name} reads`,
    preface: [`Rows of ${source}, at the clients. Purpose: ${job.purpose}.`],
    sections: [
      {
        heading: 'Columns',
        table: {
          columns: ['Column', 'Read', 'Why'],
          rows: [
            ...features
              .slice(0, job.model.inputs)
              .map((column) => [
                column,
                'yes',
                `one of the ${job.model.inputs} inputs of the model; leaves the client only within a sum`,
              ]),
            [label, 'yes', 'the label to be learned'],
            ...unused.map((column) => [column, 'no', 'the model has no input for it']),
          ],
        },
      },
      {
        heading: 'To be asked',
        text: [
          'tutti explain --method importance says which columns the model makes use of. A column that it does not use need not be read.',
        ],
      },
    ],
  };
}
