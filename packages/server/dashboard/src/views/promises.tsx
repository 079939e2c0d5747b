import { deltaFigure, epsilonFigure, lowerEpsilonFigure } from '@tutti/shared/privacy';
import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { FiledAuditView, JobSummary, statementSchema } from '../../../src/api/schemas.js';
import { type Api, Problem } from '../api.js';
import { moment, short } from '../figures.js';

type Statement = z.output<typeof statementSchema>;

/** What a job has promised so far, and what audits found. */
interface Promised {
  readonly job: JobSummary;
  /** Undefined where the job has not begun. */
  readonly statement: Statement | undefined;
  readonly audits: readonly FiledAuditView[];
}

/** What each job promises to the people in its data, in words, beside what audits of it found. */
export function Promises({ api, jobs }: { readonly api: Api; readonly jobs: readonly JobSummary[] }) {
  const [promises, setPromises] = useState<readonly Promised[]>();
  const [problem, setProblem] = useState<string>();
  const known = jobs.map(({ job, rounds }) => `${job} ${rounds.completed}`).join();
  useEffect(() => {
    Promise.all(jobs.map((job) => promiseOf(api, job))).then(setPromises, (error: unknown) =>
      setProblem(error instanceof Error ? error.message : String(error)),
    );
    // The figures follow the rounds: they are asked for anew where one was completed.
  }, [api, known]);
  return (
    <section class="card">
      <h2>What is promised</h2>
      {problem !== undefined && <p role="alert">{problem}</p>}
      {jobs.length === 0 && <p>No job was submitted.</p>}
      {promises?.map((promised) => (
        <PromiseOf key={promised.job.job} {...promised} />
      ))}
      <p class="quiet">
        <code>tutti audit run JOB.yaml</code> attacks a simulation of a job, and{' '}
        <code>tutti audit file AUDIT.json --job NAME</code> files what it found.
      </p>
    </section>
  );
}

async function promiseOf(api: Api, job: JobSummary): Promise<Promised> {
  const at = `/api/jobs/${job.job}`;
  const [statement, audits] = await Promise.all([
    api.get('statement', `${at}/statement`).catch((error: unknown) => {
      if (error instanceof Problem && error.code === 'job.no-statement') return undefined;
      throw error;
    }),
    api.get('listAudits', `${at}/audits`),
  ]);
  return { job, statement, audits };
}

function PromiseOf({ job, statement, audits }: Promised) {
  return (
    <article class="promise">
      <h3>{job.name}</h3>
      {statement === undefined ? (
        <p>It has not begun: nothing was spent.</p>
      ) : (
        <>
          <p class="figures">
            ε = <strong>{epsilonFigure(statement.figures.releasedModel.epsilon)}</strong> of{' '}
            {epsilonFigure(statement.figures.releasedModel.budget)} against readers,{' '}
            <strong>{epsilonFigure(statement.figures.coordinator.epsilonWorst)}</strong> against the
            coordinator, at δ = {deltaFigure(statement.figures.delta)}
          </p>
          {statement.summary.map((words) => (
            <p key={words}>{words}</p>
          ))}
        </>
      )}
      {audits.length === 0 ? (
        <p>No audit was filed.</p>
      ) : (
        audits.map((audit) => <Filed key={audit.report} {...audit} />)
      )}
      {statement !== undefined && (
        <details>
          <summary>The whole statement</summary>
          {statement.items.map(({ number, heading, entries }) => (
            <section key={number}>
              <h4>
                {number}. {heading}
              </h4>
              <dl>
                {entries.map(({ label, text }) => (
                  <div key={`${label} ${text}`}>
                    <dt>{label}</dt>
                    <dd>{text}</dd>
                  </div>
                ))}
              </dl>
            </section>
          ))}
        </details>
      )}
    </article>
  );
}

function Filed({ report, verdict, words, filedBy, filedAt }: FiledAuditView) {
  return (
    <section class={`audit ${verdict.passed ? 'passed' : 'refuted'}`} aria-label="Audit">
      <p class="figures">
        {verdict.passed ? 'Audit: not refuted.' : 'Audit: the claim is false.'} ε is at least{' '}
        <strong>{lowerEpsilonFigure(verdict.epsilonLower)}</strong>; {verdict.correct} of {verdict.guesses}{' '}
        guesses right
      </p>
      {words.map((text) => (
        <p key={text}>{text}</p>
      ))}
      <p class="quiet">
        Filed by {filedBy}, {moment(filedAt)} ·{' '}
        <a href={`/artifacts/${report}`} download={`audit-${short(report)}.json`}>
          <code>{short(report)}</code>
        </a>
      </p>
    </section>
  );
}
