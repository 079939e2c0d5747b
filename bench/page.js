/**
 * What the page of examples/browser asks of the person who has it open: how soon it can be used, and for how long it stands still at the most while it takes part in
 * rounds. A real Chromium, a coordinator that serves the page, and three clients, every one of them the `tutti` command as it is deployed.
 *
 * Usage: node bench/page.js [rounds, 8]
 */
import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import puppeteer from 'puppeteer-core';

const rounds = Number(process.argv[2] ?? 8);
const CLIENTS = 3;
const command = fileURLToPath(new URL('../packages/cli/bin/tutti.js', import.meta.url));
const digits = fileURLToPath(new URL('../packages/simulation/data/digits.csv', import.meta.url));
const executablePath = [process.env.CHROMIUM, '/usr/bin/chromium', '/usr/bin/chromium-browser'].find(
  (path) => path !== undefined && existsSync(path),
);
if (executablePath === undefined) throw new Error('Chromium is needed; CHROMIUM says where it is.');
const models = {
  'softmax regression, 650 weights': 'inputs: 64, classes: 10',
  'dense 64-256-10, 19,210 weights': 'inputs: 64, classes: 10, hidden: [{ units: 256 }]',
  'convolutions 3x3x8 and 3x3x16':
    'inputs: 64, classes: 10, image: { height: 8, width: 8 }, convolutions: [{ filters: 8 }, { filters: 16 }]',
};

const folder = await mkdtemp(join(tmpdir(), 'tutti-bench-'));
const at = (name) => join(folder, name);
const [cpu] = cpus();
console.log(
  `Node ${process.version}, ${cpus().length} x ${cpu?.model ?? 'unknown processor'}, load ${loadavg()[0]?.toFixed(2)}`,
);
const made = JSON.parse(await tutti('coordinator', 'init', at('coordinator'), '--json'));
process.env.TUTTI_TOKEN = made.operator.token;
await tutti('client', 'page', at('page'));
await appendFile(made.config, `\npage: ${at('page')}\nrounds: { pause: 0 }\n`);
const daemons = [];
const coordinator = daemon('coordinator', '--config', made.config, '--port', '0');
const url = await new Promise((resolve) => {
  createInterface(coordinator.stderr).on('line', (line) => {
    const { listening } = JSON.parse(line);
    if (listening !== undefined) resolve(listening);
  });
});
process.env.TUTTI_COORDINATOR = url;
const { invitations } = JSON.parse(await tutti('invite', '--count', CLIENTS + 1, '--json'));

const [header, ...rows] = (await readFile(digits, 'utf8')).trim().split('\n');
const share = (index) =>
  `${[header, ...rows.filter((_, row) => row % (CLIENTS + 1) === index)].join('\n')}\n`;
for (let client = 0; client < CLIENTS; client++) {
  await writeFile(at(`${client}.csv`), share(client));
  const limits = ['--epsilon', '10000', '--total-epsilon', '100000', '--cohort', '3', '--no-approval'];
  const where = ['--data', at(`${client}.csv`), '--folder', at(`client-${client}`)];
  await tutti('client', 'init', '--invitation', invitations[client], ...where, ...limits);
  daemon('client', 'run', '--config', at(`client-${client}/client.yaml`));
}

const browser = await puppeteer.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] });
const tab = await browser.newPage();
await tab.evaluateOnNewDocument(`
  window.blocked = [];
  new PerformanceObserver((list) => window.blocked.push(...list.getEntries().map(({ duration }) => duration)))
    .observe({ type: 'longtask', buffered: true });
`);
/** Milliseconds until the page can be used, and for how long it stood still until then. */
async function load() {
  const start = performance.now();
  await tab.goto(`${url}/page/`);
  await tab.waitForSelector('html[data-ready=true]');
  return `${((performance.now() - start) / 1000).toFixed(2)} s, ${await blocked()}`;
}
async function blocked() {
  const tasks = await tab.evaluate('window.blocked.splice(0)');
  return tasks.length === 0
    ? 'never blocked for 50 ms'
    : `blocked ${tasks.length} times, for ${Math.max(...tasks).toFixed(0)} ms at the most`;
}
console.log(`can be used after ${await load()} (nothing cached)`);
console.log(`can be used after ${await load()} (cached)`);
await writeFile(at('page.csv'), share(CLIENTS));
await (await tab.$('#csv')).uploadFile(at('page.csv'));
await tab.waitForFunction(`document.getElementById('count').textContent !== '0'`);
const set = (id, value) => tab.$eval(id, (field, text) => void (field.value = text), value);
await set('#invitation', invitations[CLIENTS]);
await set('#epsilon', '10000');
await tab.click('#join');
await tab.waitForFunction(`!document.getElementById('leave').disabled`);
console.log(`rows read, and connected: ${await blocked()}`);

for (const [name, model] of Object.entries(models)) {
  const job = name.split(',')[0].replaceAll(/\W+/g, '-');
  await writeFile(at('job.yaml'), jobFile(job, model));
  await tutti('job', 'submit', at('job.yaml'), '--json');
  await tab.waitForSelector('[data-agree=true]', { timeout: 60_000 });
  await tab.evaluate('window.blocked.splice(0)');
  await tab.click('[data-agree=true]');
  for (;;) {
    await sleep(500);
    const { status } = JSON.parse(await tutti('job', 'show', job, '--json'));
    if (status !== 'running') break;
  }
  const text = await tab.$eval('#jobs', ({ innerText }) => innerText);
  const contributions = [...text.matchAll(/in (\d+) rounds/g)].reduce(
    (sum, [, count]) => sum + Number(count),
    0,
  );
  console.log(
    `${name}: ${contributions} contributions of the page so far, ${await blocked()}, load ${loadavg()[0]?.toFixed(2)}`,
  );
}

await browser.close();
for (const child of daemons) child.kill('SIGKILL');
await rm(folder, { recursive: true, force: true });
process.exit();

async function tutti(...argv) {
  return (await promisify(execFile)(process.execPath, [command, ...argv.map(String)])).stdout;
}

function daemon(...argv) {
  const child = spawn(process.execPath, [command, ...argv], { stdio: ['ignore', 'ignore', 'pipe'] });
  child.stderr.resume();
  daemons.push(child);
  return child;
}

function jobFile(job, model) {
  return `
name: ${job}
data: { offset: 0, scale: 16 }
model: { ${model} }
training: { epochs: 5, batchSize: 16, learningRate: 0.1 }
rounds: ${rounds}
cohort: { samplingRate: 1, minimum: 4, maximum: 5, survivorFraction: 0.8, corruptFraction: 0.05 }
privacy: { epsilon: 9000, delta: 1.0e-4, noiseMultiplier: 2 }
`;
}
