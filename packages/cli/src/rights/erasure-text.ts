import { deltaFigure, epsilonFigure } from '@tutti/shared/privacy';
import type { ErasureCertificate, Outcome } from '@tutti/shared/rights';
import { counted, duration } from '../output/figures.js';
import type { Costs, DeskRequest, KnownCost } from './erasure-desks.js';

/** The remedies with what each costs and gives, for whoever has to choose. */
export function costLines({
  contributions,
  completed,
  shard,
  exact,
  certified,
  approximate,
}: Costs): string[] {
  const taken =
    contributions.length === 0
      ? `The client has sent no input that the model stands on.`
      : `The client may have sent an input in ${counted(contributions.length, 'round')} of ${completed}: ${contributions.join(', ')}.`;
  const [one, ...more] = certified.groups;
  const groups = more
    .map(({ clients, epsilon }) => `${clients} clients ${epsilonFigure(epsilon)}`)
    .join(', ');
  return [
    taken,
    ...(shard === undefined
      ? []
      : [
          `It is in shard ${shard.number} of ${shard.of}: the others stay as they are. An exact erasure runs ${counted(exact.replayed, 'round')} again; training all shards anew would run ${shard.retrain}.`,
        ]),
    `  exact        ${replayText(exact, 'go back to round', 'run')}`,
    certified.seeded
      ? '  certified    nothing: the run was seeded, its noise can be taken off'
      : `  certified    costs nothing; the model stays. ε = ${epsilonFigure(one?.epsilon ?? null)} for one client, for ${groups}, at δ = ${deltaFigure(certified.delta)}`,
    ...(approximate === undefined
      ? []
      : [`  approximate  ${replayText(approximate, 'count on from round', 'run')}; no guarantee`]),
  ];
}

function replayText(cost: KnownCost, back: string, run: string): string {
  const { kept, replayed, seconds, epsilonNow, epsilonAfter, epsilonBudget } = cost;
  if (replayed === 0) return 'nothing has to be run again';
  const budget =
    epsilonAfter > epsilonBudget
      ? `: needs a budget above ${epsilonBudget}`
      : `, within the budget of ${epsilonBudget}`;
  const took = seconds === undefined ? '' : ` (${duration(seconds)} the first time)`;
  return (
    `${back} ${kept}, ${run} ${counted(replayed, 'round')} again${took}; ` +
    `ε ${epsilonFigure(epsilonNow)} becomes ${epsilonFigure(epsilonAfter)}${budget}`
  );
}

/** One request on one line, and what is known of it below. */
export function requestLines(request: DeskRequest, now: string): string[] {
  const { number, state, client, rows, subject, times, due, begun, outcome, checks } = request;
  const late = state !== 'closed' && now > due ? ', OVERDUE' : '';
  const whose =
    rows === undefined
      ? `client ${short(client)}`
      : `${counted(rows.length, 'row')} of client ${short(client)}`;
  const lines = [
    `${number}  ${state.padEnd(8)}  ${whose}, received ${day(times.received)}, due ${day(due)}${late}`,
  ];
  if (subject !== undefined) lines.push(`  subject      ${subject}`);
  if (request.job !== undefined) lines.push(`  job          ${short(request.job)}`);
  if (begun !== undefined) {
    const where = begun.successor === undefined ? '' : ` in job ${short(begun.successor)}`;
    lines.push(
      `  begun        the ${begun.remedy} remedy, ${counted(begun.replayed, 'round')}${where}: ask for it again to go on`,
    );
  }
  if (outcome !== undefined) lines.push(...outcomeLines(outcome));
  for (const { what, holds, found } of checks ?? [])
    lines.push(`  ${holds ? 'holds' : 'FAILS'}        ${what} (${found})`);
  const { distinction } = request;
  if (distinction !== undefined) {
    const { before, after, deviation, rows: erased, others } = distinction;
    lines.push(
      `  measured     the loss told ${counted(erased, 'erased row')} from ${others} others with probability ${before.toFixed(2)} before, ${after.toFixed(2)} after (chance: 0.50 ± ${deviation.toFixed(2)})`,
    );
  }
  if (request.certificate !== undefined) lines.push(`  certificate  SHA-256 ${short(request.certificate)}`);
  return lines;
}

export function outcomeLines(outcome: Outcome): string[] {
  const { remedy, guarantee, modelBefore, modelAfter, epsilonBefore, epsilonAfter, replayed, kept, delta } =
    outcome;
  const model =
    modelBefore === modelAfter
      ? `${short(modelAfter)}, unchanged`
      : `${short(modelBefore)} → ${short(modelAfter)}`;
  return [
    `  remedy       ${remedy}; ${counted(kept, 'round')} kept, ${counted(replayed, 'round')} run again`,
    `  model        ${model}`,
    `  ε            ${epsilonFigure(epsilonBefore)} → ${epsilonFigure(epsilonAfter)} at δ = ${deltaFigure(delta)}; nothing is refunded`,
    `  guarantee    ${guarantee}`,
  ];
}

export function certificateLines({ body, coordinator }: ErasureCertificate): string[] {
  return [
    `Request ${body.request}, received ${day(body.received)}, answered ${day(body.issued)}${body.seeded ? ' (seeded run: a demonstration)' : ''}`,
    `  client       ${short(body.client)}${body.rows === undefined ? '' : `, ${counted(body.rows.length, 'row')}`}`,
    ...outcomeLines(body.outcome),
    `  ledger       ${counted(body.ledger.entries, 'entry', 'entries')}, head ${short(body.ledger.head)}`,
    ...body.checks.map(({ what, holds }) => `  ${holds ? 'holds' : 'FAILS'}        ${what}`),
    ...body.limits.map((limit) => `  not reached  ${limit}`),
    `  signed by    coordinator ${short(coordinator)}`,
  ];
}

const short = (hash: string) => hash.slice(0, 12);
const day = (time: string | undefined) => (time ?? '').slice(0, 10);
