import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, readdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { Pool } from 'pg';
import { afterAll, beforeAll, describe, it } from 'vitest';

const DEBIAN = '/usr/lib/postgresql';

/** The folder of PostgreSQL's programs, if they are on this machine. */
function findPrograms(): string | undefined {
  const onPath = (process.env['PATH'] ?? '').split(delimiter);
  const packaged = existsSync(DEBIAN)
    ? readdirSync(DEBIAN).map((version) => join(DEBIAN, version, 'bin'))
    : [];
  return [...onPath, ...packaged.sort().reverse()].find((folder) =>
    ['initdb', 'postgres'].every((program) => existsSync(join(folder, program))),
  );
}

const programs = findPrograms();

/** A PostgreSQL server of the tests' own, in a temporary folder. */
export class PostgresServer {
  private server: ChildProcess | undefined;
  private databases = 0;

  private constructor(
    private readonly folder: string,
    private readonly port: number,
    /** PostgreSQL refuses to run as root: then it runs as the user that its package made. */
    private readonly user: { readonly uid?: number; readonly gid?: number },
  ) {}

  static async create(): Promise<PostgresServer> {
    if (programs === undefined)
      throw new Error('PostgreSQL is required here and was not found; put its programs on the PATH.');
    const folder = await mkdtemp(join(tmpdir(), 'tutti-postgres-'));
    const isRoot = process.getuid?.() === 0;
    const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']));
    const user = isRoot ? { uid: id('-u'), gid: id('-g') } : {};
    if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
    const data = join(folder, 'data');
    const options = ['-D', data, '-U', 'tutti', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C'];
    execFileSync(join(programs, 'initdb'), options, { ...user, cwd: folder, stdio: 'pipe' });
    const server = new PostgresServer(folder, await freePort(), user);
    await server.start();
    return server;
  }

  async start(): Promise<void> {
    const { folder, port, user } = this;
    const settings = [`listen_addresses=127.0.0.1`, `port=${port}`, `unix_socket_directories=`];
    const server = spawn(
      join(programs ?? '', 'postgres'),
      ['-D', join(folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
      { ...user, cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.server = server;
    let said = '';
    await new Promise<void>((resolve, reject) => {
      server.stderr.on('data', (text: Buffer) => {
        said += text.toString();
        if (said.includes('database system is ready to accept connections')) resolve();
      });
      server.once('exit', () => reject(new Error(`PostgreSQL did not start: ${said}`)));
    });
  }

  /** Stops as a crash does: connections break, and the write-ahead log is replayed at the next start. */
  async kill(): Promise<void> {
    const { server } = this;
    if (server?.exitCode !== null) return;
    const exited = once(server, 'exit');
    // SIGQUIT is PostgreSQL's immediate shutdown; SIGKILL would leave its children holding the port.
    server.kill('SIGQUIT');
    await exited;
  }

  /** The address of a new, empty database. */
  async database(): Promise<string> {
    const name = `test${this.databases++}`;
    const pool = new Pool({ connectionString: this.url('postgres') });
    try {
      await pool.query(`CREATE DATABASE ${name}`);
    } finally {
      await pool.end();
    }
    return this.url(name);
  }

  async remove(): Promise<void> {
    await this.kill();
    await rm(this.folder, { recursive: true, force: true });
  }

  private url(database: string): string {
    return `postgres://tutti@127.0.0.1:${this.port}/${database}`;
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/** Tests that need PostgreSQL: skipped by name where it is not there, unless services are required. */
export function describeWithPostgres(name: string, tests: (server: () => PostgresServer) => void): void {
  if (programs === undefined && process.env['TUTTI_REQUIRE_SERVICES'] !== '1') {
    describe.skip(`${name} (skipped: no PostgreSQL on this machine)`, () => {
      it('needs PostgreSQL', () => undefined);
    });
    return;
  }
  describe(name, () => {
    let server: PostgresServer | undefined;
    beforeAll(async () => {
      server = await PostgresServer.create();
    });
    afterAll(() => server?.remove());
    tests(() => server ?? raise());
  });
}

function raise(): never {
  throw new Error('The PostgreSQL server of these tests is not there yet.');
}
