// A federation as it is deployed, on a network and machines that fail: one coordinator process, client processes with the tumours of one site each, and
// Chromium pages, over TLS, through proxies that delay, go silent and cut; clients are killed and suspended at random. Then everything that must
// hold is checked: every sum against the vectors that went into it, every ε against the accountant. Exits with 1 where something does not.
//
//   node bench/deployment.js [--clients 20] [--pages 2] [--rounds 10] [--epsilon 8] [--seed 1] [--calm] [--json] [--keep]
//
// `--calm`: nobody is killed or suspended, the network fails all the same. `--keep`: leaves the run’s folder.
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { publicGenerator } from '@tutti/client/training';
import { decodeInvitation, encodeInvitation } from '@tutti/shared/protocol';
import { fileURLToPath } from 'node:url';
import { buildBrowserClient } from '../packages/client/build-browser.mjs';
import { makeCertificateAuthority } from './deployment/certificates.mjs';
import { accuracyOf, checkLedger, checkSite, checkSums, openLedger } from './deployment/checks.js';
import { startFaultyProxy } from './deployment/faulty-proxy.js';
import { Page } from './deployment/page.js';
import { servePage } from './deployment/page-server.js';
import { Coordinator, Site } from './deployment/processes.js';

const { values } = parseArgs({
  options: {
    clients: { type: 'string', default: '20' },
    pages: { type: 'string', default: '2' },
    rounds: { type: 'string', default: '10' },
    epsilon: { type: 'string', default: '8' },
    seed: { type: 'string', default: '1' },
    calm: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
  },
});
const sites = Number(values.clients);
const people = Number(values.pages);
const population = sites + people;
const seed = Number(values.seed);
const uniform = publicGenerator(seed);
const say = (text) => void (values.json || console.log(text));
/** Of a small cohort nearly all must stay, and none may be assumed to collude: it could not be opened otherwise. */
const cohort =
  population < 12
    ? { minimum: population - 1, survivorFraction: 0.8, corruptFraction: 0 }
    : { minimum: Math.ceil(0.54 * population), survivorFraction: 0.7, corruptFraction: 0.05 };
/** More than the job announces: against the coordinator, who may collude with some of the clients, each round costs more than against readers. */
const limit = 20 * Number(values.epsilon);

/** Milliseconds of a client between two blows at the most. */
const PEACE = 90_000;

const folder = await mkdtemp(join(tmpdir(), 'tutti-deployment-'));
const undo = [];
let failed;
try {
  failed = !(await run());
} finally {
  for (const step of undo.reverse()) await step().catch((error) => console.error(error));
  if (values.keep) console.error(folder);
  else await rm(folder, { recursive: true, force: true, maxRetries: 5 });
}
process.exit(failed ? 1 : 0);

async function run() {
  const authority = await makeCertificateAuthority();
  const tls = await authority.issue(['localhost', '127.0.0.1']);
  const coordinator = await Coordinator.make(
    join(folder, 'coordinator'),
    { ...tls, authority: authority.certificate },
    { phaseDeadline: 10, grace: 3, pause: 0 },
  );
  await coordinator.start();
  undo.push(() => coordinator.end());
  const faults = { uniform, delay: 30, life: 20_000, silent: 0.3 };
  const proxy = await startFaultyProxy({ port: coordinator.port, ...faults });
  undo.push(async () => proxy.close());
  const { invitations } = await coordinator.ask('invite', '--count', String(population));
  const invite = (port) =>
    encodeInvitation({ ...decodeInvitation(invitations.pop()), url: `https://localhost:${port}` });

  const { header, heldOut, parts } = await splitRows();
  say(`${sites} processes, ${people} pages, ${heldOut.length} rows held out; seed ${seed}`);
  const authorityFile = join(coordinator.folder, 'authority.pem');
  const clients = [];
  // Enrolment comes through the same proxy: begun again where it was cut, by the same invitation.
  const enrolSome = async () => {
    for (let next = clients.length; next < sites; next = clients.length) {
      clients.push(undefined);
      const invitation = invite(proxy.port);
      const rows = [header, ...parts[next]].join('\n');
      const given = {
        invitation,
        rows,
        authority: authorityFile,
        epsilon: limit,
        cohort: cohort.minimum,
        colluding: cohort.corruptFraction,
      };
      clients[next] = await again(() => Site.make(join(folder, `site-${next}`), given));
    }
  };
  await Promise.all([enrolSome(), enrolSome()]);
  undo.push(() => Promise.all(clients.map((site) => site.daemon.end('SIGKILL'))));
  for (const site of clients) site.daemon.start();
  say('enrolled');
  const { pages, pageProxy } = await openPages(
    coordinator,
    { tls, authority, invite, header, parts: parts.slice(sites) },
    faults,
  );

  say('pages open');
  await connected(coordinator, population);
  const file = join(folder, 'job.yaml');
  await writeFile(file, jobFile());
  const { job } = await coordinator.ask('job', 'submit', file, '--population', String(population));
  say(`job ${job.slice(0, 12)} of ${values.rounds} rounds submitted`);
  for (const page of pages) await page.agree();

  const blows = await trouble(coordinator, job, clients);
  const detail = await coordinator.get(`/api/jobs/${job}`);
  const standings = await Promise.all(pages.map((page) => page.standing()));
  await Promise.all(clients.map((site) => site.daemon.end('SIGTERM')));
  await coordinator.end();

  const ledger = await openLedger(coordinator.folder);
  const ofSites = await Promise.all(clients.map((site) => site.records()));
  const records = [...ofSites, ...pages.map((page) => page.records)].flat();
  const { exact, weights } = await checkSums(detail, ledger, records, coordinator.folder);
  const accounting = checkLedger(detail, ledger);
  const own = await Promise.all(
    clients.map((site, at) => checkSite(site, detail, ledger, exact, ofSites[at][0]?.identity)),
  );
  const accuracy = weights === undefined ? undefined : await accuracyOf(detail, weights, heldOut);
  const outcome = {
    rounds: {
      planned: Number(values.rounds),
      completed: ledger.completed.length,
      aborted: ledger.aborted.length,
    },
    exactSums: exact.length,
    survivors: exact.map(({ survivors }) => survivors.length),
    inPages: exact.map(
      ({ survivors }) =>
        survivors.filter((one) => pages.some(({ records: [first] }) => first?.identity === one)).length,
    ),
    epsilon: {
      ledgerHolds: accounting.ok,
      delta: accounting.delta,
      releasedModel: accounting.spent.releasedModel,
      recomputed: accounting.recomputed,
      coordinator: accounting.spent.coordinator,
      sites: own.map(({ epsilon }) => epsilon),
      sitesHold: own.every(({ ok }) => ok),
      pages: standings,
    },
    accuracy,
    trouble: { ...blows, connections: proxy.counts, pageConnections: pageProxy?.counts },
    load: loadavg()[0],
  };
  report(outcome);
  return (
    outcome.rounds.completed === outcome.rounds.planned &&
    outcome.exactSums === outcome.rounds.completed &&
    accounting.ok &&
    outcome.epsilon.sitesHold
  );
}

/** A quarter of the rows is held out; the others go to sites of unequal size. */
async function splitRows() {
  const path = fileURLToPath(new URL('../examples/jobs/breast-cancer.csv', import.meta.url));
  const [header, ...lines] = (await readFile(path, 'utf8')).trim().split('\n');
  for (let at = lines.length - 1; at > 0; at--) {
    const other = Math.floor(uniform() * (at + 1));
    [lines[at], lines[other]] = [lines[other], lines[at]];
  }
  const heldOut = lines.splice(0, Math.round(lines.length / 4));
  const bounds = Array.from({ length: population }, () => 0.5 + uniform());
  const whole = bounds.reduce((sum, weight) => sum + weight, 0);
  let begun = 0;
  const parts = bounds.map((weight) => {
    const from = Math.round((begun / whole) * lines.length);
    begun += weight;
    return lines.slice(from, Math.round((begun / whole) * lines.length));
  });
  return { header, heldOut, parts };
}

function jobFile() {
  return `name: tumours
purpose: Tell malignant from benign tumours by measurements of cell nuclei
data: { label: malignant, offset: 0, scale: 1 }
model: { inputs: 30, classes: 2 }
training: { epochs: 5, batchSize: 8, learningRate: 0.5 }
rounds: ${values.rounds}
cohort: ${JSON.stringify({ samplingRate: 1, maximum: population, ...cohort })}
privacy: { epsilon: ${values.epsilon}, delta: 1e-4, clipNorm: 1 }
`;
}

async function again(action, tries = 10) {
  for (let left = tries; ; left--) {
    try {
      return await action();
    } catch (error) {
      if (left === 1) throw error;
    }
  }
}

async function openPages(coordinator, { tls, authority, invite, header, parts }, faults) {
  if (people === 0) return { pages: [] };
  const chromium = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/google-chrome'].find(
    (path) => path !== undefined && existsSync(path),
  );
  if (chromium === undefined)
    throw new Error('There is no Chromium: name one in CHROMIUM, or say --pages 0.');
  const bundle = join(folder, 'bundle');
  await buildBrowserClient(bundle, fileURLToPath(new URL('deployment/record-in-page.js', import.meta.url)));
  const server = await servePage(tls, {
    bundle,
    coordinator: coordinator.port,
    authority: authority.certificate,
  });
  undo.push(async () => server.close());
  const pageProxy = await startFaultyProxy({ port: server.port, ...faults });
  undo.push(async () => pageProxy.close());
  const pages = [];
  for (const [at, rows] of parts.entries()) {
    const page = await Page.open(chromium, {
      url: `https://localhost:${pageProxy.port}`,
      rows: [header, ...rows].join('\n'),
      fingerprint: tls.fingerprint,
      profile: join(folder, `page-${at}`),
    });
    undo.push(() => page.close());
    await page.join(invite(pageProxy.port), { epsilon: limit, cohort: cohort.minimum });
    pages.push(page);
  }
  return { pages, pageProxy };
}

async function connected(coordinator, count) {
  for (;;) {
    const clients = await coordinator.get('/api/clients?limit=1000');
    if (clients.filter((client) => client.connected).length >= count - 1 && clients.length === count) return;
    await sleep(500);
  }
}

/** Kills and suspends clients at random until the job is over. */
async function trouble(coordinator, job, clients) {
  const counts = { killed: 0, suspended: 0 };
  let over = false;
  const under = new Set();
  const blow = async () => {
    const site = clients[Math.floor(uniform() * clients.length)];
    if (under.has(site)) return;
    under.add(site);
    if (uniform() < 0.5) {
      counts.killed++;
      await site.daemon.end('SIGKILL');
      await sleep(1000 * uniform());
      site.daemon.start();
    } else {
      counts.suspended++;
      site.daemon.signal('SIGSTOP');
      await sleep(500 + 3000 * uniform());
      site.daemon.signal('SIGCONT');
    }
    under.delete(site);
  };
  const blows = [];
  const watch = (async () => {
    for (let before = -1; !over; await sleep(1500)) {
      const { status, reason, rounds } = await coordinator.get(`/api/jobs/${job}`);
      if (rounds.completed !== before) say(`round ${rounds.completed} of ${rounds.planned}`);
      before = rounds.completed;
      over = !['waiting', 'running'].includes(status) || rounds.completed >= rounds.planned;
      if (over) say(`job ${status}${reason === null ? '' : `: ${reason}`}`);
    }
  })();
  while (!over && !values.calm) {
    await Promise.race([sleep((PEACE / population) * uniform()), watch]);
    if (!over) blows.push(blow());
  }
  await watch;
  await Promise.all(blows);
  return counts;
}

function report(outcome) {
  if (values.json) {
    console.log(JSON.stringify(outcome));
    return;
  }
  const { rounds, exactSums, survivors, inPages, epsilon, accuracy, trouble: blows, load } = outcome;
  const span = (numbers) => `${Math.min(...numbers).toFixed(2)} to ${Math.max(...numbers).toFixed(2)}`;
  console.log(`
rounds      ${rounds.completed} of ${rounds.planned} completed, ${rounds.aborted} attempts aborted
sums        ${exactSums} of ${rounds.completed} models are, bit for bit, the sum of the vectors of ${survivors.join(', ')} survivors (${inPages.join(', ')} of them in pages)
ε, δ = ${epsilon.delta}
  ledger    ${epsilon.releasedModel.toFixed(4)} against readers of the models, ${epsilon.coordinator.toFixed(4)} against the coordinator; recomputed ${epsilon.recomputed.toFixed(4)}: ${epsilon.ledgerHolds ? 'holds' : 'DOES NOT HOLD'}
  sites     ${span(epsilon.sites)} against the coordinator by their own ledgers: ${epsilon.sitesHold ? 'each sum charged once' : 'THEY DO NOT HOLD'}
  pages     ${epsilon.pages.map((page) => `${page.epsilon} in ${page.contributions} contributions; blocked for ${page.longest.toFixed(0)} ms at the most`).join('; ')}
accuracy    ${((accuracy ?? NaN) * 100).toFixed(1)} % on rows that nobody trained on
trouble     ${blows.killed} killed, ${blows.suspended} suspended; of ${blows.connections.connections} connections ${blows.connections.cut} cut, ${blows.connections.silent} silent before
load        ${load.toFixed(1)}`);
}
