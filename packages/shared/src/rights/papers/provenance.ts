import type { LedgerEntry } from '../../privacy/index.js';

export interface ProvenanceFacts {
  readonly job: {
    readonly name: string;
    readonly hash: string;
    readonly purpose: string;
    readonly controller: string;
  };
  /** The data set: what it is called, and the SHA-256 of its file where there is one. */
  readonly data: { readonly source: string; readonly hash?: string };
  /** Entries of the job. */
  readonly ledger: readonly LedgerEntry[];
}

interface Node {
  readonly id: string;
  readonly label: string;
  readonly attributes: Readonly<Record<string, string | number>>;
}

/** Where a model is from: entities (data, job, models), activities (rounds, erasures), agents, and how they hang together. */
export interface Provenance {
  readonly entities: readonly Node[];
  readonly activities: readonly Node[];
  readonly agents: readonly Node[];
  /** In the terms of W3C PROV-DM: activity used entity; entity wasGeneratedBy activity; activity wasAssociatedWith agent. */
  readonly used: readonly (readonly [activity: string, entity: string])[];
  readonly generated: readonly (readonly [entity: string, activity: string])[];
  readonly associated: readonly (readonly [activity: string, agent: string])[];
  /** Models that an erasure has taken back. */
  readonly invalidated: readonly (readonly [entity: string, activity: string])[];
}

/** Draws the graph from data set through job and rounds to models, as the ledger tells it. Clients are counted, not named. */
export function provenanceOf({ job, data, ledger }: ProvenanceFacts): Provenance {
  const dataId = `data:${data.hash?.slice(0, 12) ?? data.source}`;
  const jobId = `job:${job.hash.slice(0, 12)}`;
  const agent = 'agent:coordinator';
  const entities: Node[] = [
    {
      id: dataId,
      label: data.source,
      attributes: { ...(data.hash !== undefined && { sha256: data.hash }), where: 'at the clients' },
    },
    { id: jobId, label: job.name, attributes: { sha256: job.hash, purpose: job.purpose } },
  ];
  const activities: Node[] = [];
  const used: [string, string][] = [];
  const generated: [string, string][] = [];
  const associated: [string, string][] = [];
  const invalidated: [string, string][] = [];
  let standing: { readonly round: number; readonly id: string }[] = [];
  for (const { event, sequence } of ledger) {
    if (event.kind === 'round-completed') {
      const debit = ledger.findLast(
        (entry) => entry.sequence < sequence && entry.event.kind === 'round-debited',
      )?.event;
      const survivors = debit?.kind === 'round-debited' ? debit.survivors : 0;
      const id = `round:${event.round}.${event.attempt}@${sequence}`;
      const model = `model:${event.model.slice(0, 12)}@${sequence}`;
      activities.push({
        id,
        label: `round ${event.round}`,
        attributes: { clients: survivors, ledgerEntry: sequence },
      });
      entities.push({
        id: model,
        label: `model ${event.model.slice(0, 12)}`,
        attributes: { sha256: event.model },
      });
      const before = standing.at(-1)?.id;
      used.push(
        [id, jobId],
        [id, dataId],
        ...(before === undefined ? [] : [[id, before] as [string, string]]),
      );
      generated.push([model, id]);
      associated.push([id, agent]);
      standing.push({ round: event.round, id: model });
    }
    if (event.kind === 'erasure') {
      const id = `erasure:${event.request}@${sequence}`;
      activities.push({
        id,
        label: `erasure ${event.request}, ${event.remedy}`,
        attributes: { ledgerEntry: sequence },
      });
      associated.push([id, agent]);
      if (event.remedy !== 'exact' || event.replay === undefined) continue;
      const { rounds } = event.replay;
      for (const { round, id: model } of standing) if (round > rounds) invalidated.push([model, id]);
      standing = standing.filter(({ round }) => round <= rounds);
    }
  }
  const agents = [{ id: agent, label: job.controller, attributes: { role: 'coordinator' } }];
  return { entities, activities, agents, used, generated, associated, invalidated };
}

/** The graph as PROV-JSON (W3C member submission, 2013). */
export function provenanceJson(graph: Provenance): unknown {
  const nodes = (list: readonly Node[]) =>
    Object.fromEntries(
      list.map(({ id, label, attributes }) => [
        id,
        {
          'prov:label': label,
          ...Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`tutti:${key}`, value])),
        },
      ]),
    );
  const relation = (pairs: readonly (readonly [string, string])[], name: string, from: string, to: string) =>
    Object.fromEntries(
      pairs.map(([a, b], index) => [`_:${name}${index}`, { [`prov:${from}`]: a, [`prov:${to}`]: b }]),
    );
  return {
    prefix: Object.fromEntries(
      ['tutti', 'data', 'job', 'round', 'model', 'erasure', 'agent'].map((name) => [
        name,
        `urn:tutti:${name}:`,
      ]),
    ),
    entity: nodes(graph.entities),
    activity: nodes(graph.activities),
    agent: nodes(graph.agents),
    used: relation(graph.used, 'u', 'activity', 'entity'),
    wasGeneratedBy: relation(graph.generated, 'g', 'entity', 'activity'),
    wasAssociatedWith: relation(graph.associated, 'a', 'activity', 'agent'),
    wasInvalidatedBy: relation(graph.invalidated, 'i', 'entity', 'activity'),
  };
}

/** The graph as a Mermaid flowchart. */
export function provenanceMermaid(graph: Provenance): string {
  const names = new Map([...graph.entities, ...graph.activities].map(({ id }, index) => [id, `n${index}`]));
  const name = (id: string) => names.get(id) ?? 'unknown';
  const text = (label: string) => label.replaceAll(/["<>&]/g, ' ');
  const gone = new Set(graph.invalidated.map(([entity]) => entity));
  return [
    'flowchart LR',
    ...graph.entities.map(
      ({ id, label }) => `  ${name(id)}["${text(label)}"]${gone.has(id) ? ':::gone' : ''}`,
    ),
    ...graph.activities.map(({ id, label }) => `  ${name(id)}(["${text(label)}"])`),
    ...graph.used.map(([activity, entity]) => `  ${name(entity)} --> ${name(activity)}`),
    ...graph.generated.map(([entity, activity]) => `  ${name(activity)} --> ${name(entity)}`),
    ...graph.invalidated.map(([entity, activity]) => `  ${name(activity)} -. takes back .-> ${name(entity)}`),
    '  classDef gone stroke-dasharray: 4 3,opacity:0.55',
    '',
  ].join('\n');
}
