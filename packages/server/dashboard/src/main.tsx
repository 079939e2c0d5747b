import { render } from 'preact';
import { useCallback, useEffect, useMemo, useReducer, useState } from 'preact/hooks';
import type { JobSummary } from '../../src/api/schemas.js';
import { Api, Problem } from './api.js';
import { count, moment, short } from './figures.js';
import { advance, isNews, type Change, type State } from './state.js';
import { Clients } from './views/clients.js';
import { Job } from './views/job.js';
import { Jobs } from './views/jobs.js';
import { Ledger } from './views/ledger.js';
import { Privacy } from './views/privacy.js';
import { SignIn } from './views/sign-in.js';

const TOKEN = 'tutti-operator-token';
const RETRY_MS = 2000;

function Dashboard() {
  const [token, setToken] = useState(() => sessionStorage.getItem(TOKEN) ?? undefined);
  const [problem, setProblem] = useState<string>();
  const leave = useCallback((why?: string) => {
    sessionStorage.removeItem(TOKEN);
    setToken(undefined);
    setProblem(why);
  }, []);
  if (token === undefined) {
    return (
      <SignIn
        problem={problem}
        signIn={(given) => {
          sessionStorage.setItem(TOKEN, given);
          setProblem(undefined);
          setToken(given);
        }}
      />
    );
  }
  return <Signed key={token} token={token} leave={leave} />;
}

function Signed({ token, leave }: { readonly token: string; readonly leave: (why?: string) => void }) {
  const api = useMemo(() => new Api(token), [token]);
  const [state, change] = useReducer<State | undefined, Change>(advance, undefined);
  const [problem, setProblem] = useState<string>();
  const place = usePlace();

  useEffect(() => {
    const ended = new AbortController();
    void keepCurrent(api, change, ended.signal).catch((error: unknown) => {
      if (!ended.signal.aborted) leave(error instanceof Error ? error.message : String(error));
    });
    return () => ended.abort();
  }, [api, leave]);

  const load = useCallback(
    (job: string) => {
      api.get('listRounds', `/api/jobs/${job}/rounds`).then(
        (rounds) => change({ kind: 'rounds', job, rounds }),
        (error: unknown) => setProblem(error instanceof Error ? error.message : String(error)),
      );
    },
    [api],
  );
  const act = useCallback(
    (action: 'pause' | 'resume' | 'stop', job: JobSummary) => {
      api.post(`${action}Job`, `/api/jobs/${job.job}/${action}`).then(
        (changed) => {
          setProblem(undefined);
          change({ kind: 'job', job: changed });
        },
        (error: unknown) =>
          setProblem(error instanceof Problem ? `${error.message} ${error.remedy}` : String(error)),
      );
    },
    [api],
  );

  if (state === undefined) return <main class="loading">Asking the coordinator…</main>;
  const { you } = state.coordinator;
  const job = place[0] === 'jobs' ? state.jobs.find(({ job: hash }) => hash === place[1]) : undefined;
  const views: readonly (readonly [string, string])[] = [
    ['jobs', 'Jobs'],
    ['clients', 'Clients'],
    ['ledger', 'Ledger'],
    ...(you.role === 'privacy-officer' ? [['privacy', 'Privacy officer'] as const] : []),
  ];
  return (
    <>
      <a class="skip" href="#content">
        Skip to content
      </a>
      <header class="top">
        <h1>Tutti</h1>
        <nav aria-label="Views">
          {views.map(([name, title]) => (
            <a
              key={name}
              href={`#/${name}`}
              {...((place[0] ?? 'jobs') === name && { 'aria-current': 'page' as const })}
            >
              {title}
            </a>
          ))}
        </nav>
        <p class="quiet">
          {count(state.coordinator.clients.connected)} clients ·{' '}
          <code title={state.coordinator.coordinator}>{short(state.coordinator.coordinator)}</code> ·{' '}
          {you.name} ({you.role}){' '}
          <button type="button" class="plain small" onClick={() => leave()}>
            Sign out
          </button>
        </p>
      </header>
      <main id="content" tabIndex={-1}>
        <div aria-live="polite">
          {!state.current && (
            <p class="stale">
              The coordinator does not answer. This is what was known at {moment(state.heard)}.
            </p>
          )}
          {problem !== undefined && <p role="alert">{problem}</p>}
        </div>
        {job !== undefined ? (
          <Job
            job={job}
            rounds={state.rounds[job.job]}
            mayAct={you.role !== 'viewer'}
            load={load}
            act={act}
          />
        ) : place[0] === 'clients' ? (
          <Clients state={state} />
        ) : place[0] === 'ledger' ? (
          <Ledger api={api} />
        ) : place[0] === 'privacy' && you.role === 'privacy-officer' ? (
          <Privacy api={api} state={state} />
        ) : (
          <Jobs state={state} />
        )}
      </main>
    </>
  );
}

/** Loads everything, follows what happens, and begins again where the connection is lost. Ends where the token is not good. */
async function keepCurrent(api: Api, change: (change: Change) => void, signal: AbortSignal): Promise<void> {
  let state: State | undefined;
  const apply = (next: Change) => {
    state = advance(state, next);
    change(next);
  };
  while (!signal.aborted) {
    try {
      apply({ kind: 'loaded', state: await everything(api, state) });
      await api.follow((event) => {
        if (isNews(state, event))
          void everything(api, state).then(
            (loaded) => apply({ kind: 'loaded', state: loaded }),
            () => undefined,
          );
        apply({ kind: 'event', event, at: Date.now() });
      }, signal);
    } catch (error) {
      if (error instanceof Problem && (error.status === 401 || error.status === 403)) throw error;
      apply({ kind: 'lost' });
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }
}

/** The whole state anew, and the rounds of the jobs that were looked at before. */
async function everything(api: Api, former: State | undefined): Promise<State> {
  const [coordinator, jobs, clients] = await Promise.all([
    api.get('coordinator', '/api/coordinator'),
    api.get('listJobs', '/api/jobs'),
    api.get('listClients', '/api/clients'),
  ]);
  const looked = Object.keys(former?.rounds ?? {}).filter((hash) => jobs.some(({ job }) => job === hash));
  const rounds = Object.fromEntries(
    await Promise.all(
      looked.map(async (job) => [job, await api.get('listRounds', `/api/jobs/${job}/rounds`)] as const),
    ),
  );
  return { coordinator, jobs, clients, rounds, current: true, heard: Date.now() };
}

/** The parts of the address after `#/`. */
function usePlace(): readonly string[] {
  const read = () =>
    location.hash
      .replace(/^#\/?/, '')
      .split('/')
      .filter((part) => part !== '');
  const [place, setPlace] = useState(read);
  useEffect(() => {
    const moved = () => setPlace(read());
    addEventListener('hashchange', moved);
    return () => removeEventListener('hashchange', moved);
  }, []);
  return place;
}

const holder = document.getElementById('dashboard');
if (holder !== null) render(<Dashboard />, holder);
