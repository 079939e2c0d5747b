import { memoised } from '@tutti/shared/crypto';
import { SecAggParticipant } from '@tutti/shared/secagg';
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

/** How many clients are timed, each in a process of its own. */
const TIMED = 3;

/**
 * Plays a round on real messages and measures it. Most clients share this process, and its memory of signatures and agreements; the
 * coordinator and the clients that are timed have processes of their own.
 */
export async function playRound(clients, dimension) {
  const setting = await createSetting(clients, dimension);
  const { now, members, parameters } = setting;
  const primitives = memoised(participantOptions(setting, members[0]).primitives);
  const lost = new Set(members.slice(0, lostClients(setting)).map(({ id }) => id));
  const coordinator = new Party('./coordinator.js');
  const timedParties = [];
  const receivers = new Map();
  const vector = vectorOf(dimension);
  for (const [place, member] of members.entries()) {
    if (place >= clients - TIMED) {
      const party = new Party('./client.js');
      await party.ask({ verb: 'open', setting: { ...setting, members: [] }, member });
      timedParties.push(party);
      receivers.set(member.id, (message) =>
        party.ask({ verb: 'receive', message, phase: phaseOf(message, 'down', parameters), now }),
      );
    } else {
      const participant = new SecAggParticipant({ ...participantOptions(setting, member), primitives });
      receivers.set(member.id, async (message) => {
        const effects = [...(await participant.receive(message, now))];
        if (lost.has(member.id) || !effects.some(({ kind }) => kind === 'encode')) return effects;
        return [...effects, ...(await participant.provide(vector))];
      });
    }
  }

  const bytes = { up: {}, down: {} };
  const count = (direction, message) =>
    (bytes[direction][phaseOf(message, direction, parameters)] ??= []).push(message.body.length);
  let result;
  const queue = [];
  const send = (to, message) => {
    count('down', message);
    queue.push({ to, message });
  };
  const perform = (effects) => {
    for (const effect of effects) {
      if (effect.kind === 'send') send(effect.to, effect.message);
      else if (effect.kind === 'result') result = effect;
      else throw new Error(`${effect.kind}: ${effect.code} ${effect.detail ?? ''}`);
    }
  };

  const opened = await coordinator.ask({ verb: 'open', ...setting, members: [] });
  for (const { id } of members) send(id, opened);
  let phase;
  while (queue.length > 0 || phase !== 'finished') {
    const next = queue.shift();
    if (next === undefined) {
      const step = await coordinator.ask({ verb: 'close' });
      phase = step.phase;
      perform(step.effects);
      continue;
    }
    for (const effect of await receivers.get(next.to)(next.message)) {
      if (effect.kind === 'aborted') throw new Error(`A client left: ${effect.code}`);
      if (effect.kind !== 'send') continue;
      count('up', effect.message);
      const step = await coordinator.ask({ verb: 'receive', from: next.to, message: effect.message, now });
      phase = step.phase;
      perform(step.effects);
    }
  }

  const server = await coordinator.ask({ verb: 'figures' });
  const sampled = await Promise.all(timedParties.map((party) => party.ask({ verb: 'figures' })));
  for (const party of [coordinator, ...timedParties]) party.close();
  if (!isSumOf(result.sum, result.survivors.length)) throw new Error('The sum is wrong');
  if (sampled.some(({ state }) => state !== 'finished')) throw new Error('A timed client did not finish');
  return {
    clients,
    dimension,
    graph: parameters.graphMode,
    lost: lost.size,
    server,
    client: medianClient(sampled),
    bytes: { up: medians(bytes.up), down: medians(bytes.down) },
  };
}

/** Of each phase the median over the timed clients. */
function medianClient(sampled) {
  const of = (phase, clock) => median(sampled.map(({ phases }) => phases[phase]?.[clock] ?? 0));
  const total = (clock) =>
    median(
      sampled.map(({ phases }) => Object.values(phases).reduce((sum, seconds) => sum + seconds[clock], 0)),
    );
  return {
    phases: Object.fromEntries(
      Object.keys(PHASES).map((phase) => [phase, { cpu: of(phase, 'cpu'), wall: of(phase, 'wall') }]),
    ),
    cpu: total('cpu'),
    wall: total('wall'),
    masking: median(sampled.map(({ masking }) => masking.cpu)),
    memory: median(sampled.map(({ memory }) => memory)),
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
