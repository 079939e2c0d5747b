import type { StatementFacts } from './facts.js';

/** The words of a statement that depend on what a job releases. */
export interface ReleasedWords {
  /** What it is called where it is named once. */
  readonly label: string;
  /** Several of it, as its readers see them. */
  readonly many: string;
  /** What is under the guarantee. */
  readonly underGuarantee: string;
  readonly readers: string;
  /** What a client is given beside its own data. */
  readonly clientsSee: string;
  /** What a client sends in a round, and several of that. */
  readonly contribution: string;
  readonly contributions: string;
  /** How the norm of a contribution is kept. */
  readonly bounded: string;
  readonly clipping: string;
  /** What becomes of a sum, after it was read as numbers. */
  readonly processing: string;
  /** What a round is for: “trained a model”. */
  readonly done: string;
  readonly learns: string;
}

const words: Readonly<Record<NonNullable<StatementFacts['released']>, ReleasedWords>> = {
  model: {
    label: 'Model',
    many: 'models',
    underGuarantee: 'the model after every round, the final one included',
    readers: 'Readers of the model',
    clientsSee: 'the models',
    contribution: 'update',
    contributions: 'updates',
    bounded: 'clipped to an L2 norm of',
    clipping: 'on the whole update',
    processing:
      'divided by the expected (not the actual) size of a cohort, and applied by the server’s optimiser; evaluation uses rows that belong to no client',
    done: 'trained a model on the data of',
    learns: 'the model learns',
  },
  statistics: {
    label: 'Statistics',
    many: 'statistics',
    underGuarantee: 'the statistics after every round, the final ones included',
    readers: 'Readers of the statistics',
    clientsSee: 'nothing else',
    contribution: 'vector of counts',
    contributions: 'counts',
    bounded: 'which the bounds of the columns and the rows that count keep to an L2 norm of',
    clipping: 'by the bounds of every column and by how many rows of a client count, whatever the rows hold',
    processing:
      'divided by how often a client is drawn on average (not by how many there were), and read as counts, means, deviations and quantiles',
    done: 'counted columns of the data of',
    learns: 'the statistics say',
  },
  evaluation: {
    label: 'Evaluation',
    many: 'evaluation',
    underGuarantee: 'the evaluation after every round, the final one included',
    readers: 'Readers of the evaluation',
    clientsSee: 'the model that is evaluated',
    contribution: 'vector of counts',
    contributions: 'counts',
    bounded: 'which what is counted of a row and the rows that count keep to an L2 norm of',
    clipping:
      'by what is counted of a row and by how many rows of a client count, whatever rows and model are',
    processing:
      'divided by how often a client is drawn on average (not by how many there were), and read as accuracy, loss, areas under ROC curves and calibration',
    done: 'evaluated a model on the data of',
    learns: 'the evaluation says',
  },
};

export function releasedWords({ released = 'model' }: Pick<StatementFacts, 'released'>): ReleasedWords {
  return words[released];
}
