import type { JobSummary } from '../../src/api/schemas.js';

/** What a job releases, by what it is for. */
export const RELEASED: Readonly<Record<JobSummary['kind'], { label: string; name: string; file: string }>> = {
  training: { label: 'Model', name: 'model', file: 'weights' },
  evaluation: { label: 'Evaluation', name: 'evaluation', file: 'json' },
  statistics: { label: 'Statistics', name: 'statistics', file: 'json' },
};
