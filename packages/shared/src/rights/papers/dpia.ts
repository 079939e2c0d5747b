import { bestGuess, epsilonText, lowerEpsilonFigure } from '../../privacy/index.js';
import { basisText, modelText, shardsOf, type ProcessingFacts } from './facts.js';
import type { Paper, PaperSection } from './paper.js';
import { retentionEntries } from './retention.js';

/**
 * Drafts a data protection impact assessment (Article 35(7) GDPR): what the software knows is filled in with figures, what only people can
 * judge is left open. It is no assessment before a person has made one of it.
 */
export function draftDpia(facts: ProcessingFacts): Paper {
  const { job, made, software } = facts;
  return {
    title: `Data protection impact assessment: ${job.name}`,
    preface: [
      `Drafted on ${made.slice(0, 10)} by ${software} from ${facts.statement === undefined ? 'the job' : 'the job and its ledger'}. A draft is no assessment: likelihood, severity and the decision are for people, and so is every open field.`,
    ],
    sections: [
      description(facts),
      necessity(),
      risks(facts),
      measures(facts),
      residual(facts),
      consultation(),
      signOff(),
    ],
  };
}

function description(facts: ProcessingFacts): PaperSection {
  const { job, statement, columns, accuracy, retention } = facts;
  const { cohort, data, rounds } = job;
  const population = statement?.figures.population ?? job.simulation.clients;
  const shards = shardsOf(facts);
  const drawn = Math.round((cohort.samplingRate * population) / shards);
  return {
    heading: '1. The processing, and its purposes (Article 35(7)(a))',
    entries: [
      { label: 'Purpose', text: job.purpose },
      { label: 'Controller', text: job.controller },
      { label: 'Legal basis', text: basisText(job) },
      {
        label: 'Nature',
        text: 'Each client trains on its own rows; the coordinator learns sums of many clients’ clipped, noised and masked updates, and publishes models',
      },
      {
        label: 'Scope',
        text:
          shards === 1
            ? `${population} clients, up to ${rounds} rounds, about ${drawn} clients a round`
            : `${population} clients in ${shards} shards, each client in one; up to ${rounds} rounds in each shard, about ${drawn} clients a round`,
      },
      {
        label: 'Data',
        text: `${columns === undefined ? `${job.model.inputs} features` : `${columns.length} columns: ${columns.join(', ')}`}; label ${data.label}`,
      },
      {
        label: 'Result',
        text: `${shards === 1 ? '' : `${shards} models, which answer by the mean of their class probabilities, each a `}${modelText(job)}${accuracy === undefined ? '' : `; ${(100 * accuracy).toFixed(1)} % right on public rows`}`,
      },
      {
        label: 'Recipients',
        text: 'whoever is given the models; the coordinator sees the noisy sums and who took part',
      },
      ...(retention === undefined ? [] : retentionEntries(retention)),
    ],
    open: [
      'Categories of people',
      'Context: how they are related to the controller, and whether children or patients are among them',
      retention === undefined
        ? 'How long models and logs are kept'
        : 'How long data at the clients, backups and models that were handed out are kept',
    ],
  };
}

function necessity(): PaperSection {
  return {
    heading: '2. Necessity and proportionality (Article 35(7)(b))',
    entries: [
      {
        label: 'Minimisation',
        text: 'rows stay where they are; a client sends a vector that is bounded, noised and hidden among others',
      },
      {
        label: 'Purpose limitation',
        text: 'the purpose is part of the job, whose hash names it everywhere; a client’s policy can refuse purposes and legal bases',
      },
      {
        label: 'Rights',
        text: 'consent and withdrawal (tutti consent), erasure (tutti erase), explanation (tutti explain)',
      },
    ],
    open: [
      'Why the purpose cannot be reached with less data, or without personal data',
      'How people are told (Articles 13 and 14)',
    ],
  };
}

function risks({ job, statement }: ProcessingFacts): PaperSection {
  const figures = statement?.figures;
  const released = figures?.releasedModel.epsilon;
  const inside = figures?.coordinator.epsilonWorst;
  const example = job.privacy.unit === 'example';
  const delta = figures?.delta ?? job.privacy.delta;
  const guess = (epsilon: number | null | undefined) =>
    epsilon == null || delta === undefined
      ? 'not known before the job has run'
      : `at best ${(100 * bestGuess({ epsilon, delta })).toFixed(1)} % right where 50 % is chance`;
  const rows = [
    [
      example
        ? 'Somebody finds out from the models whether an example was used'
        : 'Somebody finds out from the models whether a client took part',
      example
        ? 'differential privacy for each example; none for a client as a whole'
        : 'differential privacy for a client',
      `ε = ${epsilonText(released)}; a guess is ${guess(released)}`,
    ],
    [
      'The coordinator, or who breaks into it, sees what a client taught',
      'secure aggregation; noise by the clients themselves',
      `only sums of ${job.cohort.minimum} or more; ε = ${epsilonText(inside)} for the client that took part most; a guess is ${guess(inside)}`,
    ],
    [
      'Rows are rebuilt from updates',
      'no single update is ever seen; clip norm and noise',
      `the noise ${example ? 'on every step of a client' : 'that honest survivors add'} is ${figures?.noise.effectiveMultiplier.toPrecision(3) ?? 'set so that it is enough for the budget, in'} times the sensitivity`,
    ],
    [
      'Clients collude with the coordinator',
      'their noise and shares are not counted on',
      example
        ? 'what is promised to each example holds whoever colludes; that sums only are seen holds up to the fraction that the job assumes'
        : `up to ${(100 * job.cohort.corruptFraction).toFixed(1)} % of a cohort; nothing is claimed above`,
    ],
    [
      'The coordinator enrols clients of its own making',
      'an enrolment authority that is somebody else',
      'none where the coordinator is the authority',
    ],
    [
      'A client poisons the model',
      'each update is bounded by the clip norm',
      'many clients together, over many rounds, can still shift it',
    ],
    [
      'The model is wrong, or wrong more often for some people',
      'held-out rows; explanations for single decisions',
      'not measured for groups of people: see the open field',
    ],
    [
      'A decision rests on the model alone (Article 22)',
      'tutti explain; a person decides',
      'for the controller to organise',
    ],
    [
      'Somebody’s data are used after they have withdrawn',
      'consent registry; rows left out from the next round on; erasure with a certificate',
      'copies of models that were handed out',
    ],
  ];
  return {
    heading: '3. Risks to people, and what is left of them (Article 35(7)(c))',
    table: {
      columns: ['Risk', 'Measure', 'What is left', 'Likelihood', 'Severity'],
      rows: rows.map((row) => [...row, '', '']),
    },
    open: ['Accuracy for groups of people', 'Further risks of this purpose'],
  };
}

function measures(facts: ProcessingFacts): PaperSection {
  const { job, statement, audit } = facts;
  const untested =
    shardsOf(facts) === 1
      ? 'not audited yet: tutti audit'
      : 'not audited: an audit is of one model, not of several shards';
  return {
    heading: '4. Measures (Article 35(7)(d))',
    entries: [
      {
        label: 'Secure aggregation',
        text: 'the unmasked sum is the sum of the survivors’ vectors and nothing else; a client unmasks once a round',
      },
      {
        label: 'Differential privacy',
        text: `${job.privacy.unit === 'example' && job.privacy.noise !== 'shared' ? 'each client adds the noise that each of its examples needs' : 'each client adds its share of the noise'}; budget ε = ${statement?.figures.releasedModel.budget ?? job.privacy.epsilon}, a hard stop, enforced by the coordinator’s ledger and by every client’s own accountant`,
      },
      {
        label: 'Evidence',
        text: 'a ledger chained by hashes, written before a sum is opened; a privacy statement recomputed from it',
      },
      ...(shardsOf(facts) === 1
        ? []
        : [
            {
              label: 'Shards',
              text: 'an erasure trains the model of one shard anew and leaves the others as they are; the ε of a client is that of its own shard, though all models are released',
            },
          ]),
      { label: 'Test', text: audit === undefined ? untested : auditText(audit) },
    ],
    open: ['Security of the clients’ machines', 'Access to the coordinator, and who operates it'],
  };
}

function auditText({
  made,
  epsilonLower,
  claimed,
  confidence,
  passed,
}: NonNullable<ProcessingFacts['audit']>): string {
  const shown = `the attack shows ε of at least ${lowerEpsilonFigure(epsilonLower)} with ${(100 * confidence).toFixed(0)} % confidence, the claim is ${epsilonText(claimed)}`;
  return `audited on ${made.slice(0, 10)}: ${shown}. ${passed ? 'The claim was not refuted; that does not prove it' : 'THE CLAIM IS FALSE: do not release the model'}`;
}

function residual({ statement, erasures = [] }: ProcessingFacts): PaperSection {
  const open = erasures.filter(({ state }) => state !== 'closed');
  return {
    heading: '5. Residual risk, and the decision',
    text: [
      ...(statement?.claim === 'none'
        ? [
            'The run was seeded: its noise can be recomputed. It claims no privacy for real data and must not be used on any.',
          ]
        : []),
      ...(statement?.summary.slice(statement.claim === 'none' ? 1 : 0) ?? [
        'The job has not run: what it will have spent is not known yet.',
      ]),
      open.length === 0
        ? 'No request for erasure is open.'
        : `Open requests for erasure: ${open.map(({ number, state, due }) => `${number} (${state}, due ${due.slice(0, 10)})`).join(', ')}.`,
    ],
    open: [
      'The residual risk is acceptable: yes / no, because',
      'Prior consultation of the authority (Article 36): needed / not needed, because',
    ],
  };
}

function consultation(): PaperSection {
  return {
    heading: '6. Consultation',
    open: [
      'Advice of the data protection officer (Article 35(2))',
      'Views of the people concerned (Article 35(9))',
    ],
  };
}

function signOff(): PaperSection {
  return {
    heading: '7. Sign-off',
    open: [
      'Controller, name and date',
      'Data protection officer, name and date',
      'To be reviewed on (Article 35(11))',
    ],
  };
}
