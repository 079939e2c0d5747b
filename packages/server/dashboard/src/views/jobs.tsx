import { Budget } from '../parts/budget.js';
import { Status } from '../parts/status.js';
import type { State } from '../state.js';

/** All jobs, the newest first. */
export function Jobs({ state }: { readonly state: State }) {
  if (state.jobs.length === 0) {
    return (
      <section class="card empty">
        <h2>No job yet</h2>
        <p>
          Submit one with <code>tutti job submit my-job.yaml</code>. It begins as soon as enough clients are
          connected.
        </p>
      </section>
    );
  }
  return (
    <ul class="jobs">
      {state.jobs.toReversed().map((job) => (
        <li key={job.job} class="card">
          <h2>
            <a href={`#/jobs/${job.job}`}>{job.name}</a> <Status job={job} />
          </h2>
          <label>
            <span>
              Round <strong>{job.rounds.completed}</strong> of {job.rounds.planned}
              {job.live !== null && <span class="quiet"> · {job.live.phase}</span>}
            </span>
            <progress max={job.rounds.planned} value={job.rounds.completed} />
          </label>
          <Budget job={job} />
        </li>
      ))}
    </ul>
  );
}
