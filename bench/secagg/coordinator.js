/** The coordinator, in a process of its own so that its time and memory are apart from the clients'. */
import { Buffer } from 'node:buffer';
import { WorkerExpander } from '@tutti/server';
import { laneBytes } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { inProcessExpander, SecAggCoordinator } from '@tutti/shared/secagg';
import { peak, startPeak, timed, Times } from './measure.js';
import { answer } from './party.js';
import { coordinatorOptions } from './setting.js';

let machine;
let base;
let expanded;
const times = new Times();

/** As a coordinator is deployed; and keeps what was expanded, to be done in other ways after the round. */
const threads = new WorkerExpander();
const expander = {
  async expand(jobs, target) {
    const again = jobs.map(({ key, sign }) => ({ key: key.slice(), sign }));
    expanded = { jobs: again, masked: target.slice(), sum: target };
    await threads.expand(jobs, target);
  },
};

/** A step of the machine, booked under the phase that it belongs to. What would go to the disk is left out of the answer. */
async function step(take) {
  const { phase } = machine;
  const done = await timed(take);
  times.add(phase, done);
  const seen = ['send', 'result', 'rejected', 'aborted'];
  return { phase: machine.phase, effects: done.value.filter(({ kind }) => seen.includes(kind)) };
}

const verbs = {
  open(setting) {
    machine = new SecAggCoordinator({ ...coordinatorOptions(setting), expander });
    base = startPeak();
    return machine.open();
  },
  receive: ({ from, message, now }) => step(() => machine.receive(from, message, now)),
  close: () => step(() => machine.close()),

  async figures() {
    const memory = peak() - base;
    const alone = new WorkerExpander({ threads: 1, leastBytes: 0 });
    const unmasking = {
      inProcess: await unmask(inProcessExpander(primitives)),
      oneThread: await unmask(alone),
      threads: await unmask(threads),
    };
    await Promise.all([alone.close(), threads.close()]);
    return { phases: times.seconds, base, memory, masks: expanded.jobs.length, unmasking };
  },
};

/** The same once more. The best of some turns, because each first pays for what it starts. */
async function unmask(way) {
  let best = { cpu: Infinity, wall: Infinity };
  const turns = expanded.jobs.length > 2000 ? 1 : 3;
  for (let turn = 0; turn < turns; turn++) {
    const target = expanded.masked.slice();
    const { cpu, wall } = await timed(() => way.expand(expanded.jobs, target));
    if (Buffer.compare(laneBytes(target), laneBytes(expanded.sum)) !== 0) throw new Error('Other bits');
    best = { cpu: Math.min(best.cpu, cpu), wall: Math.min(best.wall, wall) };
  }
  return best;
}

answer(({ verb, ...rest }) => verbs[verb](rest));
