import type { z } from 'zod';
import type {
  ClientView,
  CoordinatorEvent,
  CoordinatorView,
  JobSummary,
  LiveRound,
  roundSchema,
} from '../../src/api/schemas.js';

export type Round = z.output<typeof roundSchema>;

/** What the page knows of the coordinator, as of a moment. */
export interface State {
  readonly coordinator: CoordinatorView;
  readonly jobs: readonly JobSummary[];
  /** Of the jobs that were looked at. */
  readonly rounds: Readonly<Record<string, readonly Round[]>>;
  readonly clients: readonly ClientView[];
  /** False where the page shows what was, for want of a connection. */
  readonly current: boolean;
  /** When the coordinator was heard last, in Unix milliseconds. */
  readonly heard: number;
}

export type Change =
  | { readonly kind: 'loaded'; readonly state: State }
  | { readonly kind: 'rounds'; readonly job: string; readonly rounds: readonly Round[] }
  | { readonly kind: 'job'; readonly job: JobSummary }
  | { readonly kind: 'lost' }
  | { readonly kind: 'event'; readonly event: CoordinatorEvent; readonly at: number };

/** What is known after a change. Undefined before the first load. */
export function advance(state: State | undefined, change: Change): State | undefined {
  if (change.kind === 'loaded') return change.state;
  if (state === undefined) return undefined;
  switch (change.kind) {
    case 'rounds':
      return {
        ...state,
        rounds: { ...state.rounds, [change.job]: together(change.rounds, state.rounds[change.job]) },
      };
    case 'job':
      return { ...state, jobs: state.jobs.map((job) => (job.job === change.job.job ? change.job : job)) };
    case 'lost':
      return { ...state, current: false };
    case 'event':
      return { ...afterEvent(state, change.event), current: true, heard: change.at };
  }
}

/** What was asked for, and what happened while the answer was under way. */
function together(answered: readonly Round[], heard: readonly Round[] = []): readonly Round[] {
  const last = answered.at(-1);
  if (last === undefined) return heard;
  const later = ({ round, attempt }: Round) =>
    round > last.round || (round === last.round && attempt > last.attempt);
  return [...answered, ...heard.filter(later)];
}

function afterEvent(state: State, event: CoordinatorEvent): State {
  const withJob = (hash: string, patch: (job: JobSummary) => JobSummary): State => ({
    ...state,
    jobs: state.jobs.map((job) => (job.job === hash ? patch(job) : job)),
  });
  switch (event.kind) {
    case 'clients':
      return {
        ...state,
        coordinator: {
          ...state.coordinator,
          clients: { ...state.coordinator.clients, connected: event.connected },
        },
      };
    case 'job':
      return withJob(event.job, (job) => ({ ...job, status: event.status, reason: event.reason }));
    case 'phase':
      // A round that is over is told of by its record.
      return withJob(event.job, (job) => ({ ...job, live: isOver(event.live) ? null : event.live }));
    case 'round': {
      const { record } = event;
      const known = state.rounds[event.job];
      const completed = record.outcome === 'completed';
      const after = withJob(event.job, (job) => ({
        ...job,
        live: null,
        model: record.modelHash,
        rounds: {
          ...job.rounds,
          completed: completed ? record.round : job.rounds.completed,
          attempt: completed ? 0 : record.attempt + 1,
        },
        epsilon: { ...job.epsilon, ...record.epsilon },
      }));
      return known === undefined
        ? after
        : { ...after, rounds: { ...after.rounds, [event.job]: [...known, record] } };
    }
  }
}

function isOver({ phase }: LiveRound): boolean {
  return phase === 'finished' || phase === 'aborted';
}

/** Whether a job is one that the page does not know yet: then everything is loaded anew. */
export function isNews(state: State | undefined, event: CoordinatorEvent): boolean {
  return state !== undefined && 'job' in event && !state.jobs.some(({ job }) => job === event.job);
}
