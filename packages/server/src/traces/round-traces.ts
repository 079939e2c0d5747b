import { ROOT_CONTEXT, SpanStatusCode, trace, type Span, type Tracer } from '@opentelemetry/api';
import type { CoordinatorEvent } from '../api/schemas.js';

/** A round that is under way: a span of the whole, and one of the phase that it is in. */
interface OpenRound {
  readonly round: number;
  readonly attempt: number;
  readonly whole: Span;
  phase: Span;
}

/**
 * Rounds as traces: a span an attempt, with one for each of its phases. They tell which job, which round, how long and how it ended; never who took
 * part, nor how many, nor what anybody sent.
 */
export class RoundTraces {
  private readonly open = new Map<string, OpenRound>();

  constructor(private readonly tracer: Tracer) {}

  /** Takes in what a coordinator publishes. */
  readonly follow = (event: CoordinatorEvent): void => {
    if (event.kind === 'phase') this.enter(event.job, event.live);
    else if (event.kind === 'round') this.end(event.job, event.record);
  };

  /** Ends what is open: the rounds go on elsewhere. */
  close(): void {
    for (const job of this.open.keys()) this.leave(job);
  }

  private enter(job: string, live: { round: number; attempt: number; phase: string }): void {
    const { round, attempt, phase } = live;
    const known = this.open.get(job);
    if (known?.round === round && known.attempt === attempt) {
      known.phase.end();
      known.phase = this.phase(known.whole, phase);
      return;
    }
    this.leave(job);
    const attributes = { 'tutti.job': job, 'tutti.round': round, 'tutti.attempt': attempt };
    const whole = this.tracer.startSpan('round', { attributes, root: true });
    this.open.set(job, { round, attempt, whole, phase: this.phase(whole, phase) });
  }

  private phase(whole: Span, phase: string): Span {
    return this.tracer.startSpan(phase, {}, trace.setSpan(ROOT_CONTEXT, whole));
  }

  private end(job: string, record: { outcome: string; reason?: string | undefined }): void {
    const known = this.open.get(job);
    // An attempt that ends with its draw has no phases.
    if (known === undefined) return;
    this.open.delete(job);
    const { outcome, reason } = record;
    known.whole.setAttribute('tutti.outcome', outcome);
    if (reason !== undefined) known.whole.setAttribute('tutti.reason', reason);
    known.whole.setStatus({ code: outcome === 'completed' ? SpanStatusCode.OK : SpanStatusCode.ERROR });
    known.phase.end();
    known.whole.end();
  }

  private leave(job: string): void {
    this.end(job, { outcome: 'left' });
  }
}
