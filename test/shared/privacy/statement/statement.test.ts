import { describe, expect, it } from 'vitest';
import {
  epsilonOf,
  LedgerState,
  noiseDistance,
  planEncoding,
  privacyStatement,
  registryRecord,
  releaseEvent,
  statementMarkdown,
  type LedgerEvent,
  type PrivacyStatement,
  type StatementFacts,
} from '@tutti/shared/privacy';
import { aborted, chainOf, client, completed, debited, JOB, opened } from '../ledger/support/entries.js';

const plan = planEncoding({
  dimension: 650,
  clipNorm: 1,
  noiseMultiplier: 1,
  maximumCohort: 80,
  minimumSharers: 12,
  survivorFraction: 0.8,
  corruptFraction: 0.05,
});

const debit = (round: number, sharers: number): LedgerEvent =>
  debited(round, {
    release: releaseEvent(plan, sharers),
    sharers,
    survivors: sharers - 3,
    noiseDistance: noiseDistance(plan, sharers),
    participants: Array.from({ length: sharers }, (_, index) => client((round * 31 + index) % 500)),
  });

const events: LedgerEvent[] = [
  opened(),
  debit(1, 40),
  completed(1),
  aborted(2, false),
  debit(2, 36),
  aborted(2, true),
  debit(2, 44),
  completed(2),
  debit(3, 41),
  completed(3),
  { kind: 'job-closed', reason: 'rounds' },
];

function factsOf(changes: Partial<StatementFacts> = {}, ledgerEvents = events): StatementFacts {
  return {
    job: { name: 'digits', purpose: 'Reading postcodes', controller: 'Example University', hash: JOB },
    model: { hash: 'c'.repeat(64), description: 'softmax regression, 650 weights' },
    plan,
    minimumCohort: 12,
    ledger: chainOf(ledgerEvents),
    software: { name: 'Tutti', version: '0.1.0' },
    enrolment: 'independent',
    ...changes,
  };
}

const textOf = (statement: PrivacyStatement, number: number) =>
  statement.items
    .find((item) => item.number === number)!
    .entries.map(({ label, text }) => `${label}: ${text}`)
    .join('\n');

describe('a statement of a job with canaries', () => {
  const committed: LedgerEvent = { kind: 'canaries-committed', canaries: 5, commitment: 'd'.repeat(64) };
  const [first, ...rest] = events as [LedgerEvent, ...LedgerEvent[]];

  it('says whose they are, what they cost, and that they leave room for fewer others who collude', () => {
    const statement = privacyStatement(factsOf({}, [first, committed, ...rest]));
    expect(statement.figures.canaries).toBe(5);
    expect(statement.summary.join(' ')).toContain('5 clients of the operator’s own took part to audit');
    const text = statementMarkdown(statement);
    expect(text).toContain('the model is the worse for it');
    expect(text).toContain('leave room for so many fewer others');
  });

  it('claims as much as without them, and one without says nothing of them', () => {
    const { figures } = privacyStatement(factsOf({}, [first, committed, ...rest]));
    const without = privacyStatement(factsOf());
    expect(figures.releasedModel.epsilon).toBe(without.figures.releasedModel.epsilon);
    expect(statementMarkdown(without)).not.toContain('operator’s own');
  });
});

describe('a privacy statement', () => {
  const statement = privacyStatement(factsOf());

  it('has all seventeen items, in order, each with something to say', () => {
    expect(statement.items.map(({ number }) => number)).toEqual(
      Array.from({ length: 17 }, (_, index) => index + 1),
    );
    for (const { heading, entries } of statement.items) {
      expect(heading).not.toBe('');
      expect(entries.length).toBeGreaterThan(0);
      for (const { label, text } of entries) {
        expect(label).not.toBe('');
        expect(text).not.toMatch(/undefined|NaN|Infinity|\[object/);
        expect(text.trim()).not.toBe('');
      }
    }
  });

  it.each<[number, RegExp[]]>([
    [
      1,
      [/c{64}/, /a{64}/, /Example University/, /Reading postcodes/, /2026-11-24T12:00.* to 2026-11-24T12:10/],
    ],
    [2, [/model after every round/, /how many clients/]],
    [3, [/aborted rounds included/, /tuning/]],
    [4, [/one client/, /L2 norm of 1/]],
    [5, [/zero-out/]],
    [6, [/Coordinator/, /75%/, /fewer than 12/, /authority apart/]],
    [7, [/discrete Gaussian/, /2\^16/, /Wrap probability/, /randomised Hadamard/, /operating system/]],
    [
      8,
      [
        /probability 0.08/,
        /36 to 44/,
        /never against the coordinator/,
        /level of the noise does not/,
        /number of clients in each round/,
      ],
    ],
    [9, [/3 rounds completed/, /1 aborted after they were charged/, /1 aborted before/]],
    [10, [/Rényi/, /Mironov, Talwar and Zhang/, /upper bound/, /not opened/]],
    [11, [/ε = .* at δ = 0.0002|ε = .* at δ = 2.0e-4/, /population of 500/, /ρ = /]],
    [12, [/of 6/, /worst client/, /median client/]],
    [13, [/expected \(not the actual\)/]],
    [14, [/integers alone/, /booked in δ/, /constant time/, /Tutti 0.1.0/]],
    [15, [/no audit was made/]],
    [16, [/not reviewed/, /not signed/, /[0-9a-f]{64}, 11 entries/]],
    [17, [/Taking part/, /k times ε/]],
  ])('says in item %d what it must', (number, patterns) => {
    for (const pattern of patterns) expect(textOf(statement, number)).toMatch(pattern);
  });

  it('recomputes every ε from the ledger', () => {
    const state = factsOf().ledger.reduce((folded, entry) => folded.apply(entry), new LedgerState(JOB));
    const spent = state.spent();
    expect(statement.figures.releasedModel.epsilon).toBe(spent.releasedModel);
    expect(statement.figures.coordinator.epsilonWorst).toBe(spent.coordinator);
    const charged = [40, 36, 44, 41].map((sharers) => ({
      kind: 'poisson-sampled' as const,
      rate: 0.08,
      event: releaseEvent(plan, sharers),
    }));
    expect(spent.releasedModel).toBeCloseTo(epsilonOf(charged, { delta: 2e-4, accountant: 'rdp' }), 8);
  });

  it('gives ρ that bounds the coordinator’s ε by the conversion of zero-concentrated privacy', () => {
    const { rho, mostParticipations, epsilonWorst } = statement.figures.coordinator;
    expect(rho).toBeCloseTo(mostParticipations / 2, 3);
    const conversion = rho! + 2 * Math.sqrt(rho! * Math.log(1 / 2e-4));
    expect(epsilonWorst).toBeLessThan(conversion);
  });

  it('has curves that fall with δ', () => {
    for (const { curve } of [statement.figures.releasedModel, statement.figures.coordinator]) {
      for (let index = 1; index < curve.length; index++) {
        expect(curve[index]!.delta).toBeLessThan(curve[index - 1]!.delta);
        expect(curve[index]!.epsilon!).toBeGreaterThan(curve[index - 1]!.epsilon!);
      }
    }
  });

  it('rounds ε up in words, so that they never claim more than the figures', () => {
    const words = /ε = ([\d.]+)/.exec(textOf(statement, 11))![1]!;
    expect(Number(words)).toBeGreaterThanOrEqual(statement.figures.releasedModel.epsilon!);
    expect(Number(words) - statement.figures.releasedModel.epsilon!).toBeLessThan(0.01);
  });

  it('survives JSON', () => {
    expect(JSON.parse(JSON.stringify(statement))).toEqual(statement);
  });

  it('starts, for people, with plain words', () => {
    const lines = statementMarkdown(statement).split('\n');
    expect(lines[0]).toBe('# Privacy statement: digits');
    const beforeItems = statementMarkdown(statement).split('\n## ')[0]!;
    expect(beforeItems).toContain('No data left a client');
    expect(beforeItems).toMatch(/right at most \d+(\.\d+)?% of the time instead of 50%/);
    expect(beforeItems).toContain('Not hidden');
    expect(statementMarkdown(statement).match(/^## \d+\. /gm)?.length).toBe(17);
  });
});

describe('a statement of a seeded run', () => {
  const statement = privacyStatement(factsOf({}, [opened({ seeded: true }), ...events.slice(1)]));

  it('claims nothing, before all else', () => {
    expect(statement.claim).toBe('none');
    expect(statement.summary[0]).toMatch(/can recompute the noise/);
    expect(statement.summary[0]).toMatch(/no privacy for real data/);
    expect(statementMarkdown(statement)).toContain('**No privacy is claimed.**');
    expect(statementMarkdown(statement)).not.toContain('**Differential privacy');
    expect(textOf(statement, 7)).toMatch(/can be recomputed, and protects nobody/);
  });

  it('is not for the registry', () => {
    expect(
      registryRecord(statement, { authors: ['A. N. Author'], curatorType: 'Nonprofit' }),
    ).toBeUndefined();
  });
});

describe('what facts change', () => {
  it('an enrolling coordinator is named as the danger that it is', () => {
    const statement = privacyStatement(factsOf({ enrolment: 'coordinator' }));
    expect(statement.summary.join(' ')).toMatch(/enrols clients of its own making, nothing is claimed/);
    expect(textOf(statement, 6)).toMatch(/of its own making/);
  });

  it('says against whom amplification by sampling does not hold', () => {
    const sampling = textOf(privacyStatement(factsOf()), 8);
    expect(sampling).toMatch(/never against the coordinator/);
    expect(sampling).toMatch(/Clients see who is with them in a round/);
    expect(sampling).toMatch(/made again for being too small/);
    expect(sampling).toMatch(/of 5 attempts 1 ended before/);
  });

  it('without sampling no amplification is claimed, nor its assumptions', () => {
    const plain = events.map((event) =>
      event.kind === 'round-debited' ? { ...event, sampling: { kind: 'none' as const } } : event,
    );
    const statement = privacyStatement(factsOf({}, plain));
    expect(textOf(statement, 8)).toMatch(/Amplification: not claimed/);
    expect(textOf(statement, 8)).not.toMatch(/rests on/);
    expect(textOf(statement, 10)).not.toMatch(/Mironov/);
    expect(statement.figures.releasedModel.epsilon).toBeGreaterThan(
      privacyStatement(factsOf()).figures.releasedModel.epsilon!,
    );
  });

  it('an undecided debit is counted and said', () => {
    const statement = privacyStatement(factsOf({}, [opened(), debit(1, 40)]));
    expect(statement.figures.rounds).toEqual({
      completed: 0,
      abortedCharged: 0,
      abortedUncharged: 0,
      undecided: 1,
    });
    expect(textOf(statement, 9)).toMatch(/undecided, and charged/);
    expect(statement.figures.releasedModel.epsilon).toBeGreaterThan(0);
  });

  it('a job without any debit spends nothing and still states itself', () => {
    const statement = privacyStatement(factsOf({}, [opened(), aborted(1, false)]));
    expect(statement.figures.releasedModel.epsilon).toBe(0);
    expect(statement.items.length).toBe(17);
    expect(statementMarkdown(statement)).not.toMatch(/undefined|NaN|Infinity/);
  });

  it('what cannot be bounded is null in the data and “no bound” in words', () => {
    const wild = debited(1, { noiseDistance: 0.1 });
    const statement = privacyStatement(factsOf({}, [opened(), wild, completed(1)]));
    expect(statement.figures.releasedModel.epsilon).toBeNull();
    expect(statement.figures.coordinator.epsilonWorst).toBeNull();
    expect(textOf(statement, 11)).toMatch(/no bound/);
    expect(statementMarkdown(statement)).not.toMatch(/undefined|NaN|Infinity/);
    expect(JSON.parse(JSON.stringify(statement))).toEqual(statement);
  });

  it('audit, justification, reviewer, signature, earlier jobs and other uses are told', () => {
    const statement = privacyStatement(
      factsOf({
        audit: { method: 'one-run audit, 1,000 canaries', epsilonLower: 0.8, confidence: 0.95 },
        justification: 'ε as in the protocol of the study',
        reviewer: 'Data protection officer',
        signature: 'ed25519:00',
        earlierJobs: [{ job: 'pilot', epsilon: 1.234, delta: 1e-5 }],
        otherDataAccesses: [{ what: 'the clip norm was tuned on the same data', accounted: false }],
        unprotected: ['accuracy on public rows'],
      }),
    );
    expect(textOf(statement, 15)).toMatch(/at least 0.8 with confidence 95%.*never prove/);
    expect(textOf(statement, 16)).toMatch(/protocol of the study[^]*Data protection officer[^]*ed25519:00/);
    expect(textOf(statement, 9)).toMatch(/pilot: ε = 1.24/);
    expect(textOf(statement, 3)).toMatch(/Not covered: the clip norm was tuned/);
    expect(textOf(statement, 2)).toMatch(/accuracy on public rows/);
  });

  it('a δ that is too large for the population is called so', () => {
    const statement = privacyStatement(factsOf({}, [opened({ delta: 0.01 }), ...events.slice(1)]));
    expect(textOf(statement, 11)).toMatch(/more than one client: too much/);
  });

  it('Markdown in a name stays text', () => {
    const statement = privacyStatement(
      factsOf({
        job: {
          name: 'digits',
          purpose: '# <script>alert(1)</script>\n\n**bold**',
          controller: '[x](y)',
          hash: JOB,
        },
      }),
    );
    const text = statementMarkdown(statement);
    expect(text).not.toContain('<script>');
    expect(text).not.toContain('**bold**');
    expect(text).not.toContain('[x](y)');
  });

  it('a ledger that does not know the job makes no statement', () => {
    expect(() => privacyStatement(factsOf({ ledger: [] }))).toThrow(
      expect.objectContaining({ code: 'statement.no-job' }),
    );
  });
});

describe('the record for the OpenDP registry', () => {
  const record = registryRecord(privacyStatement(factsOf()), {
    authors: ['A. N. Author'],
    curatorType: 'Nonprofit',
    sector: 'Education',
  })!;

  it('has the fields that its schema requires, and its words', () => {
    expect(Object.keys(record).sort()).toEqual(['deployment', 'url_slug']);
    expect(Object.keys(record.deployment).sort()).toEqual([
      'administrative',
      'basic',
      'deployment_model',
      'dp_variant',
      'implementation',
      'privacy_loss',
    ]);
    expect(record.deployment.basic).toMatchObject({
      name: 'digits',
      data_curators: [{ data_curator_name: 'Example University', data_curator_type: 'Nonprofit' }],
      data_product_type: 'Machine learning model',
      data_product_sector: 'Education',
      publication_date: '2026-11-24',
    });
    expect(record.deployment.dp_variant.variant_name).toBe('Approximate DP');
    expect(record.deployment.deployment_model).toMatchObject({
      model_name: 'Federated',
      access_type: 'Non-interactive',
    });
    expect(record.deployment.administrative).toEqual({
      status: 'Draft',
      registry_authors: ['A. N. Author'],
      tier: 3,
    });
  });

  it('carries the figures', () => {
    const { figures } = privacyStatement(factsOf());
    expect(record.deployment.privacy_loss).toMatchObject({
      number_of_privacy_units: 500,
      privacy_parameters: { epsilon: figures.releasedModel.epsilon, delta: 2e-4 },
    });
  });

  it('leaves no field empty', () => {
    const walk = (value: unknown): void => {
      if (typeof value === 'string') expect(value).not.toBe('');
      else if (typeof value === 'object' && value !== null) Object.values(value).forEach(walk);
      expect(value).toBeDefined();
    };
    walk(record);
  });
});

describe('a privacy statement about each example', () => {
  const encoding = planEncoding({
    dimension: 650,
    clipNorm: 12,
    noiseMultiplier: 0,
    noiseLaw: 'none',
    maximumCohort: 80,
    minimumSharers: 12,
    survivorFraction: 0.8,
    corruptFraction: 0.05,
  });
  const release = {
    kind: 'repeated',
    count: 10,
    event: {
      kind: 'poisson-sampled',
      rate: 0.1,
      event: { kind: 'gaussian', noiseMultiplier: 2, relation: 'add-or-remove', unit: 'example' },
    },
  } as const;
  const round = (number: number): LedgerEvent =>
    debited(number, {
      release,
      sampling: { kind: 'none' },
      sharers: 12,
      survivors: 12,
      noiseDistance: 0,
      participants: Array.from({ length: 12 }, (_, index) => client(index)),
    });
  const ledger = [
    { ...opened(), unit: 'example' } as LedgerEvent,
    round(1),
    completed(1),
    round(2),
    completed(2),
  ];
  const statement = privacyStatement(factsOf({ plan: encoding, example: { clipNorm: 1.5 } }, ledger));

  it('has all seventeen items, and says in none of them that a client is protected', () => {
    expect(statement.items.map(({ number }) => number)).toEqual(
      Array.from({ length: 17 }, (_, index) => index + 1),
    );
    expect(textOf(statement, 4)).toContain('one example: one row of one client');
    expect(textOf(statement, 4)).toContain('clipped to an L2 norm of 1.5');
    expect(textOf(statement, 5)).toContain('one example more or one less');
    expect(textOf(statement, 7)).toContain('10 steps a round');
    expect(textOf(statement, 7)).toContain('2 times the clip norm');
    expect(textOf(statement, 17)).toContain('no ε is stated for all of a client’s examples together');
    expect(statement.summary.join(' ')).not.toMatch(/client’s updates were used|zero-out/);
  });

  it('has one ε against everybody, that of two rounds of ten steps', () => {
    const { coordinator, releasedModel, exampleSteps, unit } = statement.figures;
    const all = epsilonOf({ ...release, count: 20 }, { delta: statement.figures.delta });
    expect(coordinator.epsilonWorst).toBeCloseTo(all, 9);
    expect(releasedModel.epsilon).toBeCloseTo(all, 9);
    expect(releasedModel.amplified).toBe(false);
    expect({ unit, exampleSteps }).toEqual({
      unit: 'example',
      exampleSteps: { steps: 10, batchRate: 0.1, noiseMultiplier: 2, noise: 'per-client' },
    });
  });

  it('is registered with its unit', () => {
    const record = registryRecord(statement, { authors: ['Someone'], curatorType: 'Nonprofit' });
    expect(record?.deployment.privacy_loss.privacy_unit).toBe('example');
  });
});
