import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanStatusCode } from '@opentelemetry/api';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { describe, expect, it, onTestFinished } from 'vitest';
import type { CoordinatorEvent, JobDetail, JobSummary } from '@tutti/server/api';
import { RoundTraces } from '../../../packages/server/src/traces/round-traces.js';
import { eventually, QUICK_JOB, TestCoordinator } from '../../support/test-coordinator.js';

const JOB = 'a'.repeat(64);
const OTHER = 'b'.repeat(64);
const since = new Date(0).toISOString();

function phase(job: string, round: number, name: string, attempt = 0): CoordinatorEvent {
  return {
    kind: 'phase',
    job,
    live: { round, attempt, phase: name, selected: 9, since },
  };
}

function ended(job: string, round: number, outcome: 'completed' | 'aborted', attempt = 0): CoordinatorEvent {
  const reason = outcome === 'aborted' ? 'secagg.no-quorum' : undefined;
  return {
    kind: 'round',
    job,
    record: { round, attempt, outcome, reason, selected: 9, survivors: 8 },
  } as unknown as CoordinatorEvent;
}

function traced() {
  const exporter = new InMemorySpanExporter();
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  const traces = new RoundTraces(provider.getTracer('test'));
  const spans = () =>
    exporter.getFinishedSpans().map((span) => ({
      name: span.name,
      attributes: span.attributes,
      status: span.status.code,
      trace: span.spanContext().traceId,
      id: span.spanContext().spanId,
      parent: span.parentSpanContext?.spanId,
    }));
  return { traces, spans };
}

describe('traces of rounds', () => {
  it('have a span a round, with one for each phase in it, and two jobs apart', () => {
    const { traces, spans } = traced();
    for (const event of [
      phase(JOB, 1, 'advertise'),
      phase(OTHER, 7, 'advertise', 3),
      phase(JOB, 1, 'share'),
      ended(JOB, 1, 'completed'),
      phase(JOB, 2, 'advertise'),
      ended(OTHER, 7, 'aborted', 3),
      ended(JOB, 2, 'completed'),
    ]) {
      traces.follow(event);
    }
    const rounds = spans().filter(({ name }) => name === 'round');
    expect(rounds.map(({ attributes }) => attributes)).toEqual([
      { 'tutti.job': JOB, 'tutti.round': 1, 'tutti.attempt': 0, 'tutti.outcome': 'completed' },
      {
        'tutti.job': OTHER,
        'tutti.round': 7,
        'tutti.attempt': 3,
        'tutti.outcome': 'aborted',
        'tutti.reason': 'secagg.no-quorum',
      },
      { 'tutti.job': JOB, 'tutti.round': 2, 'tutti.attempt': 0, 'tutti.outcome': 'completed' },
    ]);
    const { OK, ERROR } = SpanStatusCode;
    expect(rounds.map(({ status }) => status)).toEqual([OK, ERROR, OK]);
    expect(new Set(rounds.map(({ trace }) => trace)).size).toBe(3);
    const within = (id: string) => spans().flatMap(({ name, parent }) => (parent === id ? [name] : []));
    expect(rounds.map(({ id }) => within(id))).toEqual([
      ['advertise', 'share'],
      ['advertise'],
      ['advertise'],
    ]);
  });

  it('tell what was left in the middle, and begin anew', () => {
    const { traces, spans } = traced();
    traces.follow(phase(JOB, 1, 'input'));
    traces.follow(phase(JOB, 1, 'advertise', 1));
    traces.close();
    const outcomes = spans().map(({ attributes }) => attributes['tutti.outcome']);
    expect(outcomes).toEqual([undefined, 'left', undefined, 'left']);
  });

  it('have nothing of an attempt that ends with its draw', () => {
    const { traces, spans } = traced();
    traces.follow(ended(JOB, 1, 'aborted'));
    expect(spans()).toEqual([]);
  });
});

/** Takes in what is sent, and keeps it. */
async function collector(): Promise<{ url: string; received: string[]; server: Server }> {
  const received: string[] = [];
  const server = createServer((request, response) => {
    void (async () => {
      let body = '';
      for await (const chunk of request) body += String(chunk);
      received.push(body);
      response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
    })();
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/traces`, received, server };
}

async function runJob(traces: { endpoint: string }) {
  const coordinator = await TestCoordinator.start({ traces });
  const clients = await coordinator.join(6);
  const { job } = (await coordinator.ask('submitJob', { body: { job: QUICK_JOB } })).json as JobDetail;
  await eventually(async () => {
    const { status } = (await coordinator.ask('showJob', { named: job })).json as JobSummary;
    return status === 'finished' ? true : undefined;
  });
  for (const client of clients) client.leave();
  await coordinator.dispose();
  return { job, clients };
}

describe('a coordinator with a collector', () => {
  it('sends it the rounds, and nobody’s name', async () => {
    const { url, received } = await collector();
    const { job, clients } = await runJob({ endpoint: url });
    const text = received.join('\n');
    expect(text).toContain(job);
    const names = [...text.matchAll(/"name":"([\w-]+)"/g)].map(([, name]) => name);
    expect(names.filter((name) => name === 'round')).toHaveLength(2);
    for (const name of ['advertise', 'share', 'input', 'consistency', 'unmask']) {
      expect(names.filter((found) => found === name)).toHaveLength(2);
    }
    for (const client of clients) expect(text).not.toContain(client.name);
    for (const word of ['selected', 'survivors', 'epsilon']) expect(text).not.toContain(word);
  });

  it('is not held up by one that is gone', async () => {
    const { url, server } = await collector();
    server.close();
    server.closeAllConnections();
    await runJob({ endpoint: url });
  });
});
