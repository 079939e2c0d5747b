import { memoised } from '@tutti/shared/crypto';
import { frugalKeystreams, systemRandom } from '@tutti/shared/crypto/primitives';
import { inProcessExpander, SecAggParticipant } from '@tutti/shared/secagg';
import { median } from './measure.js';
import { Party } from './party.js';
import { createSetting, isSumOf, lostClients, participantOptions, vectorOf } from './setting.js';

/** The phases of a round, and the messages that each is made of. */
export const PHASES = {
  advertise: { down: 'round-open', up: 'advert' },
  'reveal-seed': { down: 'roster', up: 'seed-reveal' },
  share: { down: 'seeds', up: 'shares' },
  input: { down: 'inbox', up: 'masked' },
  consistency: { down: 'survivors', up: 'consistency' },
  unmask: { down: 'quorum', up: 'reveal' },
  finished: { down: 'result', up: 'none' },
};

/** Clients whose part is played again and timed. */
const TIMED = 2;
/** How often each. */
const TURNS = 3;

/** glibc then keeps freed memory, instead of giving it back to the system and asking for it again: what the image of the Dockerfile sets. */
const KEEP_MEMORY = { MALLOC_TRIM_THRESHOLD_: '268435456' };

/**
 * Plays a round on real messages and measures it. The coordinator has a process of its own. The clients share this one, and its memory of
 * signatures and agreements; the parts of some are played again afterwards, each alone.
 */
export async function playRound(clients, dimension) {
  const setting = await createSetting(clients, dimension);
  const { now, members, parameters } = setting;
  const primitives = memoised(participantOptions(setting, members[0]).primitives);
  const expander = inProcessExpander(frugalKeystreams());
  const lost = new Set(members.slice(0, lostClients(setting)).map(({ id }) => id));
  const coordinator = new Party('./coordinator.js');
  const timedMembers = members.slice(-TIMED);
  const recordings = new Map(
    timedMembers.map((member) => [member.id, { member, draws: [], heard: [], said: [] }]),
  );
  const participants = new Map(
    members.map((member) => {
      const random = recorded(systemRandom, recordings.get(member.id)?.draws);
      const options = { ...participantOptions(setting, member), primitives, expander, random };
      return [member.id, new SecAggParticipant(options)];
    }),
  );
  const vector = vectorOf(dimension);

  const bytes = { up: {}, down: {} };
  const count = (direction, message) =>
    (bytes[direction][phaseOf(message, direction, parameters)] ??= []).push(message.body.length);
  let result;
  let phase;
  const queue = [];
  const send = (to, message) => {
    count('down', message);
    queue.push({ to, message });
  };
  const perform = (step) => {
    phase = step.phase;
    for (const effect of step.effects) {
      if (effect.kind === 'send') send(effect.to, effect.message);
      else if (effect.kind === 'result') result = effect;
      else throw new Error(`${effect.kind}: ${effect.code} ${effect.detail ?? ''}`);
    }
  };
  const receive = async (to, message) => {
    const participant = participants.get(to);
    recordings.get(to)?.heard.push({ message, phase: phaseOf(message, 'down', parameters) });
    const effects = await participant.receive(message, now);
    if (lost.has(to) || !effects.some(({ kind }) => kind === 'encode')) return effects;
    return [...effects, ...(await participant.provide(vector))];
  };

  const opened = await coordinator.ask({ verb: 'open', ...setting, members: [] });
  for (const { id } of members) send(id, opened);
  while (queue.length > 0 || phase !== 'finished') {
    const next = queue.shift();
    if (next === undefined) {
      perform(await coordinator.ask({ verb: 'close' }));
      continue;
    }
    for (const effect of await receive(next.to, next.message)) {
      if (effect.kind === 'aborted') throw new Error(`A client left: ${effect.code}`);
      if (effect.kind !== 'send') continue;
      const { message } = effect;
      count('up', message);
      recordings.get(next.to)?.said.push(message.body);
      perform(await coordinator.ask({ verb: 'receive', from: next.to, message, now }));
    }
  }
  const server = await coordinator.ask({ verb: 'figures' });
  coordinator.close();
  if (!isSumOf(result.sum, result.survivors.length)) throw new Error('The sum is wrong');
  const again = (variables) => playAgain({ ...setting, members: [] }, [...recordings.values()], variables);
  return {
    clients,
    dimension,
    graph: parameters.graphMode,
    lost: lost.size,
    server,
    client: await again({}),
    clientKeepingMemory: await again(KEEP_MEMORY),
    bytes: { up: medians(bytes.up), down: medians(bytes.down) },
  };
}

/** The turn that took the least processor time: what else the machine does only adds to it. And how long the turns took in the median. */
async function playAgain(setting, recordings, variables) {
  const turns = [];
  for (let turn = 0; turn < TURNS; turn++) {
    for (const recording of recordings) {
      const party = new Party('./client.js', variables);
      const figures = await party.ask({ setting, ...recording });
      party.close();
      const total = (clock) =>
        Object.values(figures.phases).reduce((sum, seconds) => sum + seconds[clock], 0);
      turns.push({ ...figures, cpu: total('cpu'), wall: total('wall') });
    }
  }
  const [least] = turns.toSorted((a, b) => a.cpu - b.cpu);
  return { ...least, medianCpu: median(turns.map(({ cpu }) => cpu)) };
}

function recorded(source, draws) {
  if (draws === undefined) return source;
  return {
    kind: source.kind,
    fill(bytes) {
      draws.push(source.fill(bytes).slice());
      return bytes;
    },
  };
}

function medians(bytes) {
  return Object.fromEntries(Object.entries(bytes).map(([phase, sizes]) => [phase, median(sizes)]));
}

/** On a complete graph there are no seeds, and the roster is answered with shares. */
function phaseOf({ type }, direction, { graphMode }) {
  if (type === 'roster' && graphMode !== 'ring-reveal') return 'share';
  return Object.keys(PHASES).find((phase) => PHASES[phase][direction] === type);
}
