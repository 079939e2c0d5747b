import type { JobSummary } from '../../../src/api/schemas.js';

/** Whether a job runs, in a word and a colour. */
export function Status({ job }: { readonly job: JobSummary }) {
  return (
    <span class={`status ${job.status}`}>
      {job.status}
      {job.reason !== null && <span class="reason">: {job.reason}</span>}
    </span>
  );
}
