import { Refusal } from '../../errors.js';
import type { StatementFacts } from './facts.js';
import { figuresOf, type StatementFigures } from './figures.js';
import { privacyStatement, statementOf, type PrivacyStatement } from './privacy-statement.js';
import { figuresOfShards } from './sharded-figures.js';
import { counted, epsilonText, numberText, type StatementEntry, type StatementItem } from './wording.js';

/** What the statement of several models is made from, each of which was trained by clients of its own. */
export interface ShardedFacts {
  /** Of the whole: `hash` is that of the job as it would be announced to all clients. */
  readonly job: StatementFacts['job'];
  /** All models together. */
  readonly model: StatementFacts['model'];
  /** Shards that the clients were dealt out to. */
  readonly dealt: number;
  /** Of each shard that has begun, from the first on. */
  readonly shards: readonly StatementFacts[];
}

/**
 * Makes one statement of a job whose clients are dealt out to shards, all of whose models are released. A client is in one shard alone, chosen without
 * regard to any data, and the noise of each shard is its own: what is released of all is (ε, δ)-private for a client as soon as its own shard is
 * (parallel composition: McSherry 2009, Privacy integrated queries, Theorem 4; the argument is in `docs/privacy.md`). The figures are those of the worst shard.
 *
 * @throws {Refusal} `statement.shards` where there is none, a client was charged in two, or they differ in what one ε protects or at which δ; and what
 *   {@link privacyStatement} refuses
 */
export function shardedStatement({ job, model, dealt, shards }: ShardedFacts): PrivacyStatement {
  const [first] = shards;
  if (first === undefined) throw notShards('there is none');
  const figures = shards.map(figuresOf);
  if (new Set(figures.map(({ unit, delta }) => `${unit} ${delta}`)).size > 1)
    throw notShards('they differ in what one ε protects, or at which δ');
  requireDisjoint(shards);
  const whole = statementOf({ ...first, job, model }, figuresOfShards(shards, figures));
  const own = shards.map((facts) => privacyStatement(facts).items);
  const place = whole.claim === 'none' ? 2 : 1;
  return {
    ...whole,
    summary: whole.summary.toSpliced(place, 0, inWords(dealt, shards.length)),
    shards: figures,
    items: whole.items.map((item) => itemOfAll(item, own, figures)),
  };
}

/** Parts in which all is said by the figures of the whole; in the others, what differs is said of each shard. */
const WHOLE = new Set([1, 9, 11, 12, 17]);

function itemOfAll(
  whole: StatementItem,
  own: readonly (readonly StatementItem[])[],
  figures: readonly StatementFigures[],
): StatementItem {
  const parts = own.flatMap((items) => items.filter(({ number }) => number === whole.number));
  const entries = WHOLE.has(whole.number)
    ? whole.entries
    : whole.entries.map((entry, index) => ({
        label: entry.label,
        text: WHOLE_ENTRIES.has(`${whole.number} ${entry.label}`)
          ? entry.text
          : textOfAll(parts.map((part) => entryOf(part, entry, index).text)),
      }));
  return { ...whole, entries: [...entries, ...saidOfShards(whole.number, figures)] };
}

/** Counts over all shards, within parts that are told shard by shard. */
const WHOLE_ENTRIES = new Set(['4 Rounds', '6 Clients', '14 Exactness of the noise']);

/** Some labels come twice in a part, and some parts lack an entry that others have. */
function entryOf({ entries }: StatementItem, like: StatementEntry, index: number): StatementEntry {
  const same = entries.filter(({ label }) => label === like.label);
  const there = entries[index];
  return there?.label === like.label ? there : (same[0] ?? { ...like, text: 'nothing of this' });
}

function textOfAll(texts: readonly string[]): string {
  const [first = ''] = texts;
  return texts.every((text) => text === first) ? first : shardByShard(texts);
}

/** What is the same of several is said once. */
function shardByShard(texts: readonly string[]): string {
  return [...new Set(texts)]
    .map((text) => {
      const numbers = texts.flatMap((own, index) => (own === text ? [index + 1] : []));
      return `${numbers.length === 1 ? 'shard' : 'shards'} ${numbers.join(', ')}: ${text}`;
    })
    .join('; ');
}

function saidOfShards(number: number, figures: readonly StatementFigures[]): StatementEntry[] {
  const ofEach = (text: (shard: StatementFigures) => string) => shardByShard(figures.map(text));
  switch (number) {
    case 1:
      return [
        {
          label: 'Shards',
          text: `${figures.length} models, each trained by clients of its own: ${ofEach(({ population }) => counted(population, 'client'))}. A client is in one and in no other, by a hash of the job and its key`,
        },
      ];
    case 2:
      return [
        {
          label: 'Shards',
          text: 'this holds of every shard; what the models answer together is computed from them, and costs nothing more',
        },
      ];
    case 9:
      return [
        {
          label: 'Over shards',
          text: 'no sum: a client’s data are in one shard alone, which does not depend on anybody’s data, and each shard has noise of its own. What the others release is the same with and without the client (parallel composition: McSherry 2009)',
        },
      ];
    case 11:
      return [
        {
          label: 'Of each shard',
          text: ofEach(({ unit, releasedModel, coordinator }) => {
            const [most, worst] = [releasedModel.epsilon, coordinator.epsilonWorst].map(epsilonText);
            return unit === 'example'
              ? `ε = ${worst} at the client that took part most often, ${most} at one in every charged round`
              : `ε = ${most} against readers, ${worst} against the coordinator`;
          }),
        },
        { label: 'Which shard', text: 'the figures above are those of the worst, at each δ' },
      ];
    case 12:
      return [
        {
          label: 'Of each shard',
          text: ofEach(
            ({ releasedModel }) =>
              `spent ${epsilonText(releasedModel.epsilon)} of ${numberText(releasedModel.budget)}`,
          ),
        },
      ];
    case 17:
      return [
        {
          label: 'Which shard a client is in',
          text: 'whoever knows its key and the job can compute it: the figures do not count on its being secret',
        },
      ];
    default:
      return [];
  }
}

function inWords(dealt: number, begun: number): string {
  const others =
    dealt === begun
      ? ''
      : ` Only ${counted(begun, 'shard')} had begun by then: nothing is said here of the others.`;
  return `The clients were dealt out to ${dealt} shards, each of which trains a model of its own.${others} All models are released. No model but that of its own shard has seen a client: what all of them cost it is what that one does, and the figures are those of the worst shard.`;
}

/** The argument stands on it, and the ledgers tell. */
function requireDisjoint(shards: readonly StatementFacts[]): void {
  const seen = new Set<string>();
  for (const { job, ledger } of shards) {
    const own = new Set(
      ledger.flatMap((entry) =>
        entry.job === job.hash && entry.event.kind === 'round-debited' ? entry.event.participants : [],
      ),
    );
    for (const client of own) {
      if (seen.has(client)) throw notShards('a client was charged in two of them');
      seen.add(client);
    }
  }
}

function notShards(why: string): Refusal {
  return new Refusal(
    'statement.shards',
    `One statement cannot be made of these shards: ${why}.`,
    'State each run by itself, and add up what a client has spent in all of them.',
  );
}
