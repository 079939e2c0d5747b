import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { CoordinatorEvent } from '../api/schemas.js';

/** What the gauges show when they are read. */
export interface Readings {
  readonly connected: () => number;
  readonly running: () => number;
}

/** Seconds of a phase or round: from a tenth of a second to an hour. */
const SECONDS = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600];
/** Codes of clients that decline, as labels. */
const MOST_DECLINE_CODES = 100;
/** Milliseconds of one request. */
const REQUEST_SECONDS = [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5];

/**
 * What the coordinator counts, for Prometheus. Jobs are told apart by name and hash, clients never: no metric has a label of which there could be
 * as many as clients.
 */
export class Metrics {
  readonly registry = new Registry();
  private readonly rounds = this.counter(
    'tutti_rounds_total',
    'Attempts at rounds that have ended',
    'job',
    'outcome',
  );
  private readonly lost = this.counter(
    'tutti_clients_lost_total',
    'Clients lost from rounds, by stage',
    'stage',
  );
  private readonly declined = this.counter(
    'tutti_clients_declined_total',
    'Clients that would take no part in a round, by the code that they gave',
    'code',
  );
  private readonly declineCodes = new Set<string>();
  private readonly refusals = this.counter(
    'tutti_refusals_total',
    'Messages and connections refused',
    'code',
  );
  private readonly failures = this.counter(
    'tutti_failures_total',
    'What went wrong by a fault of ours',
    'what',
  );
  private readonly epsilon = this.gauge('tutti_epsilon', 'Privacy spent, at the job’s δ', 'job', 'adversary');
  private readonly survivors = this.gauge('tutti_round_survivors', 'Clients in the latest sum', 'job');
  private readonly phases = new Histogram({
    name: 'tutti_phase_seconds',
    help: 'Duration of the phases of rounds',
    labelNames: ['phase'],
    buckets: SECONDS,
    registers: [this.registry],
  });
  private readonly requests = new Histogram({
    name: 'tutti_http_seconds',
    help: 'Duration of HTTP requests',
    labelNames: ['method', 'route', 'status'],
    buckets: REQUEST_SECONDS,
    registers: [this.registry],
  });

  constructor({ connected, running }: Readings) {
    collectDefaultMetrics({ register: this.registry });
    this.read('tutti_clients_connected', 'Clients that are connected', connected);
    this.read('tutti_jobs_running', 'Jobs that this process runs', running);
  }

  /** Counts what an event tells. */
  readonly follow = (event: CoordinatorEvent): void => {
    if (event.kind !== 'round') return;
    const { job, record } = event;
    this.rounds.inc({ job, outcome: record.outcome });
    for (const [stage, count] of Object.entries(record.lost)) this.lost.inc({ stage }, count);
    for (const [code, count] of Object.entries(record.declined ?? {}))
      this.declined.inc({ code: this.knownCode(code) }, count);
    for (const [phase, time] of Object.entries(record.milliseconds))
      this.phases.observe({ phase }, time / 1000);
    for (const [adversary, epsilon] of Object.entries(record.epsilon)) {
      this.epsilon.set({ job, adversary }, epsilon ?? Infinity);
    }
    this.survivors.set({ job }, record.survivors);
  };

  /** Clients choose the codes: more than these become one, for each is a series of its own. */
  private knownCode(code: string): string {
    if (this.declineCodes.size < MOST_DECLINE_CODES) this.declineCodes.add(code);
    return this.declineCodes.has(code) ? code : 'other';
  }

  refused(code: string): void {
    this.refusals.inc({ code });
  }

  failed(what: string): void {
    this.failures.inc({ what });
  }

  /** @param route - as it is registered, without what varies */
  answered(method: string, route: string, status: number, milliseconds: number): void {
    this.requests.observe({ method, route, status: String(status) }, milliseconds / 1000);
  }

  private counter(name: string, help: string, ...labelNames: string[]): Counter {
    return new Counter({ name, help, labelNames, registers: [this.registry] });
  }

  private gauge(name: string, help: string, ...labelNames: string[]): Gauge {
    return new Gauge({ name, help, labelNames, registers: [this.registry] });
  }

  private read(name: string, help: string, value: () => number): void {
    new Gauge({
      name,
      help,
      registers: [this.registry],
      collect() {
        this.set(value());
      },
    });
  }
}
