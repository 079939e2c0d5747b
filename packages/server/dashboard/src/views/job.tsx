import { epsilonFigure } from '@tutti/shared/privacy';
import { useEffect, useMemo, useState } from 'preact/hooks';
import type { JobSummary } from '../../../src/api/schemas.js';
import { Budget } from '../parts/budget.js';
import { Chart } from '../parts/chart.js';
import { LiveRoundView } from '../parts/live-round.js';
import { Status } from '../parts/status.js';
import { RELEASED } from '../released.js';
import { Evaluation } from './evaluation.js';
import { count, moment, percent, seconds, short } from '../figures.js';
import type { Round } from '../state.js';

export interface JobProps {
  readonly job: JobSummary;
  readonly rounds: readonly Round[] | undefined;
  /** Whether whoever looks may act. */
  readonly mayAct: boolean;
  readonly load: (job: string) => void;
  readonly act: (action: 'pause' | 'resume' | 'stop', job: JobSummary) => void;
}

const SHOWN_ROUNDS = 25;
const decimals = (value: number) => value.toFixed(2);
const whole = (value: number) => String(Math.round(value));

/** One job: the round under way, the curves, the rounds that were. */
export function Job({ job, rounds = [], mayAct, load, act }: JobProps) {
  useEffect(() => load(job.job), [job.job, load]);
  return (
    <>
      <section class="card head">
        <h2>
          {job.name} <Status job={job} />
        </h2>
        <p class="quiet">
          <code title={job.job}>{short(job.job)}</code> · submitted by {job.submittedBy},{' '}
          {moment(job.submittedAt)}
          {job.owner !== null && <> · run by {job.coordinator ?? job.owner}</>}
        </p>
        <label>
          <span>
            Round <strong>{job.rounds.completed}</strong> of {job.rounds.planned}
          </span>
          <progress max={job.rounds.planned} value={job.rounds.completed} />
        </label>
        <Budget job={job} />
        {job.model !== null && (
          <p>
            {RELEASED[job.kind].label}{' '}
            <a
              href={`/artifacts/${job.model}`}
              download={`${job.name}-${short(job.model)}.${RELEASED[job.kind].file}`}
            >
              <code>{short(job.model)}</code>
            </a>
          </p>
        )}
        {mayAct && <Actions job={job} act={act} />}
      </section>
      {job.kind === 'evaluation' && job.model !== null && <Evaluation hash={job.model} />}
      {job.live !== null && <LiveRoundView live={job.live} />}
      <Curves job={job} rounds={rounds} />
      <Rounds rounds={rounds} />
    </>
  );
}

function Actions({ job, act }: Pick<JobProps, 'job' | 'act'>) {
  const [sure, setSure] = useState(false);
  if (job.status === 'stopped' || job.status === 'finished') return null;
  return (
    <div class="buttons">
      {job.status === 'running' ? (
        <button type="button" onClick={() => act('pause', job)}>
          Pause
        </button>
      ) : (
        <button type="button" onClick={() => act('resume', job)}>
          Resume
        </button>
      )}
      {sure ? (
        <>
          <button type="button" class="danger" onClick={() => act('stop', job)}>
            End it for good
          </button>
          <button type="button" class="plain" onClick={() => setSure(false)}>
            No
          </button>
        </>
      ) : (
        <button type="button" class="plain" onClick={() => setSure(true)}>
          Stop…
        </button>
      )}
    </div>
  );
}

function Curves({ job, rounds }: { readonly job: JobSummary; readonly rounds: readonly Round[] }) {
  const curves = useMemo(() => {
    const done = rounds.filter(({ outcome }) => outcome === 'completed');
    const value = (pick: (round: Round) => number | null | undefined) =>
      done.map((round) => pick(round) ?? null);
    return {
      at: done.map(({ round }) => round),
      accuracy: [{ label: 'accuracy', colour: 'blue', values: value(({ accuracy }) => accuracy) }],
      loss: [{ label: 'loss', colour: 'orange', values: value(({ loss }) => loss) }],
      epsilon: [
        {
          label: 'left of the budget',
          colour: 'green',
          values: value(({ epsilon }) =>
            epsilon.releasedModel === null ? null : Math.max(0, job.epsilon.budget - epsilon.releasedModel),
          ),
        },
        {
          label: 'spent against the coordinator',
          colour: 'violet',
          values: value(({ epsilon }) => epsilon.coordinator),
        },
        { label: 'budget', colour: 'quiet', values: done.map(() => job.epsilon.budget), dashed: true },
      ],
      cohort: [
        { label: 'drawn', colour: 'quiet', values: value(({ selected }) => selected) },
        { label: 'in the sum', colour: 'blue', values: value(({ survivors }) => survivors) },
        { label: 'lost', colour: 'red', values: value(({ selected, survivors }) => selected - survivors) },
      ],
      last: done.at(-1),
      measured: done.some(({ accuracy }) => accuracy !== undefined),
    };
  }, [rounds, job.epsilon.budget]);
  const { at, last } = curves;
  if (last === undefined)
    return (
      <section class="card empty">
        <p>No round has been completed yet.</p>
      </section>
    );
  return (
    <section class="charts" aria-label="Curves by round">
      {curves.measured && (
        <>
          <Chart
            title="Accuracy"
            summary={`now ${percent(last.accuracy)}`}
            lines={curves.accuracy}
            rounds={at}
            figure={percent}
          />
          <Chart
            title="Loss"
            summary={`now ${last.loss?.toFixed(3) ?? 'not measured'}`}
            lines={curves.loss}
            rounds={at}
            figure={decimals}
          />
        </>
      )}
      <Chart
        title="Privacy budget (ε)"
        summary={`${epsilonFigure(last.epsilon.releasedModel)} of ${epsilonFigure(job.epsilon.budget)} spent against the released ${RELEASED[job.kind].name}, ${epsilonFigure(last.epsilon.coordinator)} against the coordinator`}
        lines={curves.epsilon}
        rounds={at}
        figure={epsilonFigure}
        from={0}
      />
      <Chart
        title="Cohort and losses"
        summary={`${last.survivors} of ${last.selected} in the last sum`}
        lines={curves.cohort}
        rounds={at}
        figure={whole}
        from={0}
      />
    </section>
  );
}

function Rounds({ rounds }: { readonly rounds: readonly Round[] }) {
  if (rounds.length === 0) return null;
  return (
    <section class="card table">
      <h3>Latest rounds</h3>
      <table>
        <thead>
          <tr>
            <th scope="col">Round</th>
            <th scope="col">Outcome</th>
            <th scope="col">In the sum</th>
            <th scope="col">Accuracy</th>
            <th scope="col">ε</th>
            <th scope="col">Time</th>
          </tr>
        </thead>
        <tbody>
          {rounds
            .slice(-SHOWN_ROUNDS)
            .toReversed()
            .map((round) => (
              <tr key={`${round.round}.${round.attempt}`} class={round.outcome}>
                <th scope="row">
                  {round.round}
                  {round.attempt > 0 && <span class="quiet">.{round.attempt}</span>}
                </th>
                <td>
                  {round.outcome === 'completed'
                    ? 'completed'
                    : `aborted: ${round.reason ?? 'no reason given'}`}
                  <Declined declined={round.declined} />
                </td>
                <td>
                  {count(round.survivors)} of {count(round.selected)}
                </td>
                <td>{percent(round.accuracy)}</td>
                <td>{epsilonFigure(round.epsilon.releasedModel)}</td>
                <td>{seconds(round.milliseconds['total'] ?? 0)}</td>
              </tr>
            ))}
        </tbody>
      </table>
    </section>
  );
}

/** Why clients took no part, in their own codes. */
function Declined({ declined }: Pick<Round, 'declined'>) {
  const told = Object.entries(declined ?? {});
  if (told.length === 0) return null;
  return (
    <div class="quiet">declined: {told.map(([code, clients]) => `${code} ${count(clients)}`).join(', ')}</div>
  );
}
