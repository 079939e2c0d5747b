// The processes of a federation, as people run them: every one is the `tutti` command.
import { execFile, spawn } from 'node:child_process';
import { createWriteStream, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { fetchTrustingFile } from '@tutti/client/daemon';
import { parse, stringify } from 'yaml';

const command = fileURLToPath(new URL('../../packages/cli/bin/tutti.js', import.meta.url));
const recorder = fileURLToPath(new URL('record-in-node.js', import.meta.url));

/** Runs `tutti` to its end, and gives back what it printed. */
export function tutti(argv, environment = {}) {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...environment };
    execFile(process.execPath, [command, ...argv], { env, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`tutti ${argv.slice(0, 2).join(' ')}: ${stderr || error.message}`));
      else resolve(stdout);
    });
  });
}

/** A process that can be killed, suspended and begun again. */
class Daemon {
  constructor(argv, { log, environment = {}, preload = [] }) {
    Object.assign(this, { argv, log, environment, preload });
  }

  start() {
    const output = createWriteStream(this.log, { flags: 'a' });
    this.child = spawn(process.execPath, [...this.preload, command, ...this.argv], {
      env: { ...process.env, ...this.environment },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.child.stdout, this.child.stderr]) stream.pipe(output);
  }

  signal(name) {
    this.child.kill(name);
  }

  async end(name) {
    const { child } = this;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill(name);
    await gone;
  }
}

export class Coordinator {
  /** @param {{ certificate: string, key: string, authority: string }} tls - PEM; `authority`: who made the certificate */
  static async make(folder, tls, rounds) {
    const made = JSON.parse(await tutti(['coordinator', 'init', folder, '--json']));
    const settings = parse(await readFile(made.config, 'utf8'));
    await writeFile(join(folder, 'certificate.pem'), tls.certificate);
    await writeFile(join(folder, 'key.pem'), tls.key, { mode: 0o600 });
    await writeFile(join(folder, 'authority.pem'), tls.authority);
    const listen = { host: '127.0.0.1', port: 0, certificate: 'certificate.pem', key: 'key.pem' };
    await writeFile(made.config, stringify({ ...settings, listen, rounds }));
    const coordinator = new Coordinator();
    coordinator.folder = folder;
    coordinator.token = made.operator.token;
    coordinator.log = join(folder, 'log.jsonl');
    coordinator.daemon = new Daemon(['coordinator', '--config', made.config], { log: coordinator.log });
    return coordinator;
  }

  async start() {
    this.daemon.start();
    for (;;) {
      const port = /"listening":"https:[^"]*:(\d+)"/.exec(
        await readFile(this.log, 'utf8').catch(() => ''),
      )?.[1];
      if (port !== undefined) {
        this.port = Number(port);
        return;
      }
      if (this.daemon.child.exitCode !== null) throw new Error(readFileSync(this.log, 'utf8'));
      await sleep(50);
    }
  }

  /** An administration verb, over TLS that believes the run's own authority. */
  async ask(...argv) {
    const output = await tutti([...argv, '--json', '--coordinator', `https://localhost:${this.port}`], {
      TUTTI_TOKEN: this.token,
      NODE_EXTRA_CA_CERTS: join(this.folder, 'authority.pem'),
    });
    return JSON.parse(output);
  }

  /** What the administration answers at a path, without a process of its own. */
  async get(path) {
    this.fetch ??= await fetchTrustingFile(join(this.folder, 'authority.pem'));
    const headers = { authorization: `Bearer ${this.token}` };
    return (await this.fetch(new URL(path, `https://localhost:${this.port}`), { headers })).json();
  }

  end() {
    return this.daemon.end('SIGTERM');
  }
}

/** A site: a client with rows of its own. */
export class Site {
  static async make(folder, { invitation, rows, authority, epsilon, cohort, colluding }) {
    const data = `${folder}.csv`;
    await writeFile(data, rows);
    const enrol = ['client', 'init', '--invitation', invitation, '--data', data, '--folder', folder];
    const limits = [
      '--epsilon',
      `${epsilon}`,
      '--total-epsilon',
      `${epsilon}`,
      '--cohort',
      `${cohort}`,
      '--no-approval',
    ];
    await tutti([...enrol, ...limits, '--certificates', authority]);
    const site = new Site();
    site.state = join(folder, 'state');
    site.vectors = join(folder, 'vectors.jsonl');
    site.config = join(folder, 'client.yaml');
    site.daemon = new Daemon(['client', 'run', '--config', site.config], {
      log: join(folder, 'log.jsonl'),
      environment: { TUTTI_BENCH_VECTORS: site.vectors },
      preload: ['--import', recorder],
    });
    const config = parse(await readFile(site.config, 'utf8'));
    // Many tries at one model, for the network of this run is bad on purpose.
    config.policy = { ...config.policy, attempts: 100, colluding };
    await writeFile(site.config, stringify(config));
    return site;
  }

  async records() {
    const text = await readFile(this.vectors, 'utf8').catch(() => '');
    // A process may have been killed in the middle of its last line.
    return text.split('\n').flatMap((line) => (line.endsWith('}') ? [JSON.parse(line)] : []));
  }
}
