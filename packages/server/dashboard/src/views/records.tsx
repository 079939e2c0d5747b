import { useState } from 'preact/hooks';
import type { JobSummary } from '../../../src/api/schemas.js';
import type { Api } from '../api.js';
import { count } from '../figures.js';
import type { State } from '../state.js';

/** What a controller has to be able to show, to be saved: the drafts of assessments, and everything in one signed archive. */
export function Records({ api, state }: { readonly api: Api; readonly state: State }) {
  const [problem, setProblem] = useState<string>();
  const [saved, setSaved] = useState<string>();
  const save = (path: string, name: string) => {
    api.file(path).then(
      (file) => {
        offer(file, name);
        setProblem(undefined);
        setSaved(`${name}: ${count(file.size)} bytes.`);
      },
      (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
    );
  };
  const assessment = ({ job, name }: JobSummary) =>
    save(`/api/jobs/${job}/assessment`, `${name}-assessment.md`);
  const withdrawn = state.clients.filter((client) => client.withdrawn !== null).length;
  return (
    <section class="card">
      <h2>Records</h2>
      <p>
        {count(withdrawn)} of the {count(state.clients.length)} clients shown have withdrawn. Consents of
        people are not here: each client keeps its own registry, and tells nobody.
      </p>
      <p>
        <button type="button" onClick={() => save('/api/records', 'tutti-records.zip')}>
          Export everything, signed
        </button>
      </p>
      <p class="quiet">
        Ledger, requests and certificates, audit log, clients, and of each job its terms, rounds, privacy
        statement, draft assessment and record of processing. <code>tutti records verify</code> checks it.
      </p>
      {state.jobs.length > 0 && (
        <>
          <h3>Drafts of impact assessments</h3>
          <ul>
            {state.jobs.map((job) => (
              <li key={job.job}>
                <button type="button" class="plain" onClick={() => assessment(job)}>
                  {job.name}
                </button>
              </li>
            ))}
          </ul>
        </>
      )}
      <div aria-live="polite">
        {saved !== undefined && <p>Saved {saved}</p>}
        {problem !== undefined && <p role="alert">{problem}</p>}
      </div>
    </section>
  );
}

/** Hands a file to the browser, to be saved under a name. */
function offer(file: Blob, name: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(file);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
}
