// What must hold when a run is over, computed from what each party kept for itself.
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTrainer } from '@tutti/client/training';
import { epsilonSpent } from '@tutti/client';
import { ClientStore } from '@tutti/client/daemon';
import { readLedger, TrainingTask } from '@tutti/server';
import { toHex } from '@tutti/shared/crypto';
import { primitives } from '@tutti/shared/crypto/primitives';
import { countWeights, weightsFromBytes } from '@tutti/shared/learning';
import { Account, decode, noiseDistance, releaseEvent, reportLedger } from '@tutti/shared/privacy';
import { encodingPlan, rotationSeed } from '@tutti/shared/protocol';

const same = (a, b) => Math.abs(a - b) <= 1e-9 * Math.max(1, Math.abs(a));
const hashOf = (task) => toHex(primitives.sha256(task.toBytes().model));

/** The ledger of the coordinator's folder: its entries, and what `tutti ledger verify` makes of it. */
export async function openLedger(folder) {
  const entries = await readLedger(join(folder, 'store'));
  const of = (kind) => entries.map(({ event }) => event).filter((event) => event.kind === kind);
  return {
    report: reportLedger(primitives, entries),
    debits: of('round-debited'),
    completed: of('round-completed'),
    aborted: of('round-aborted'),
  };
}

/**
 * Holds every model that was published against the vectors that clients recorded before they masked them: among those of a round there must be
 * as many as the ledger counts survivors, whose sum, added to the model before, is the model after, bit for bit.
 *
 * @returns the rounds whose sum is exact, each with its survivors, and the last model
 */
export async function checkSums({ announced, job }, { debits, completed }, records, folder) {
  const plan = encodingPlan(announced);
  const model = (hash) => readFile(join(folder, 'files', 'artifacts', hash));
  const expectedCohort = announced.cohort.samplingRate * announced.population;
  let task;
  const exact = [];
  for (const { round, attempt, model: after } of completed) {
    const ofAttempt = records.filter((record) => record.round === round && record.attempt === attempt);
    const before = ofAttempt[0]?.model;
    if (before === undefined) break;
    if (task === undefined) {
      const weights = weightsFromBytes(new Uint8Array(await model(before)), countWeights(announced.model));
      task = TrainingTask.start(announced.server, expectedCohort, weights);
    }
    if (ofAttempt.some((record) => record.model !== hashOf(task))) break;
    const { survivors } = debits.find((debit) => debit.round === round && debit.attempt === attempt);
    const seed = rotationSeed(primitives, { job, round, attempt }, before);
    const found = findSum(ofAttempt, survivors, (chosen) => {
      const next = task.complete(decode(plan, sum(chosen, plan), { rotationSeed: seed, primitives }));
      return hashOf(next) === after ? next : undefined;
    });
    if (found === undefined) break;
    task = found.next;
    exact.push({ round, attempt, survivors: found.chosen.map(({ identity }) => identity) });
  }
  return { exact, weights: task?.weights };
}

/** Modulo 2 to the power of the lane's bits. */
function sum(records, plan) {
  const total = new Float64Array(plan.paddedDimension);
  for (const { vector } of records) {
    for (let at = 0; at < total.length; at++) total[at] = (total[at] + vector[at]) % 2 ** plan.laneBits;
  }
  return plan.laneBits === 16 ? Uint16Array.from(total) : Uint32Array.from(total);
}

/** All choices of so many of them. */
function* choices(items, count, from = 0) {
  if (count === 0) yield [];
  for (let at = from; count > 0 && at <= items.length - count; at++) {
    for (const rest of choices(items, count - 1, at + 1)) yield [items[at], ...rest];
  }
}

/** The choice whose sum makes the next model, if there is one. Few are left out of a sum, so that there are few to try. */
function findSum(items, count, matches) {
  if (count > items.length) return undefined;
  for (const leftOut of choices(items, items.length - count)) {
    const chosen = items.filter((item) => !leftOut.includes(item));
    const next = matches(chosen);
    if (next !== undefined) return { chosen, next };
  }
  return undefined;
}

/** The ε that the coordinator's ledger comes to, against the accountant's own sum over the plan of the job. */
export function checkLedger({ announced }, { report, debits }) {
  const plan = encodingPlan(announced);
  const account = new Account();
  for (const { sharers } of debits) account.charge(releaseEvent(plan, sharers), noiseDistance(plan, sharers));
  const [{ spent, delta }] = report.jobs;
  const recomputed = account.epsilon(delta);
  return { ok: report.ok && same(recomputed, spent.releasedModel), delta, recomputed, spent };
}

/** A site's own ledger: nothing charged twice, every sum that it is in charged, and each charge what the accountant makes of the job's plan. */
export async function checkSite(site, { announced }, { debits }, exact, identity) {
  const store = ClientStore.open(site.state);
  const charges = await store.charges();
  store.close();
  const plan = encodingPlan(announced);
  const nameOf = ({ round, attempt }) => `${round}.${attempt}`;
  const sums = exact.filter(({ survivors }) => survivors.includes(identity));
  const account = new Account();
  for (const debit of debits.filter((debit) => sums.some((sum) => nameOf(sum) === nameOf(debit)))) {
    account.charge(releaseEvent(plan, debit.sharers), noiseDistance(plan, debit.sharers));
  }
  const names = charges.map(nameOf);
  const owed = charges.filter((charge) => sums.some((sum) => nameOf(sum) === nameOf(charge)));
  const { delta } = announced.privacy;
  return {
    ok:
      new Set(names).size === names.length &&
      owed.length === sums.length &&
      same(epsilonSpent(owed, delta).coordinator, account.epsilon(delta)),
    contributions: charges.length,
    sums: sums.length,
    epsilon: epsilonSpent(charges, delta).coordinator,
  };
}

/** Accuracy on rows that no client has. */
export async function accuracyOf({ announced }, weights, lines) {
  const rows = lines.map((line) => line.split(',').map(Number));
  const width = announced.model.inputs;
  const examples = {
    features: Float32Array.from(rows.flatMap((row) => row.slice(0, width))),
    labels: Int32Array.from(rows, (row) => row[width]),
    count: rows.length,
  };
  const trainer = await createTrainer(announced.model, 'arrays');
  return (await trainer.evaluate(weights, examples)).accuracy;
}
