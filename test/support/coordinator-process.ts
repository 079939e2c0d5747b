import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/** The command as it is deployed: what was built. */
const tutti = fileURLToPath(new URL('../../packages/cli/bin/tutti.js', import.meta.url));

/** A line of the coordinator's log: what it publishes, where it listens, and what fails. */
export interface Fact {
  /** Where it listens. */
  readonly listening?: string;
  readonly kind?: string;
  readonly status?: string;
  readonly msg?: string;
  readonly err?: { readonly code?: string };
}

/** `tutti coordinator`, in a process of its own that can be killed. */
export class CoordinatorProcess {
  readonly facts: Fact[] = [];
  private readonly waiting = new Set<() => void>();

  private constructor(private readonly child: ChildProcess) {
    if (child.stderr === null) throw new Error('The process has no output.');
    createInterface(child.stderr).on('line', (line) => {
      this.facts.push(line.startsWith('{') ? (JSON.parse(line) as Fact) : { msg: line });
      for (const look of this.waiting) look();
    });
    child.once('exit', () => {
      for (const look of this.waiting) look();
    });
  }

  /** @param config - the file of its settings */
  static start(config: string): CoordinatorProcess {
    const argv = [tutti, 'coordinator', '--config', config, '--log-level', 'debug'];
    return new CoordinatorProcess(spawn(process.execPath, argv, { stdio: ['ignore', 'ignore', 'pipe'] }));
  }

  /** Waits until it has said something, and gives back what. */
  said(is: (fact: Fact) => boolean): Promise<Fact> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const fact = this.facts.find(is);
        if (fact === undefined && this.child.exitCode === null && this.child.signalCode === null) return;
        this.waiting.delete(look);
        if (fact !== undefined) resolve(fact);
        else reject(new Error(`The coordinator has ended: ${this.facts.map(({ msg }) => msg).join('; ')}`));
      };
      this.waiting.add(look);
      look();
    });
  }

  async url(): Promise<string> {
    return (await this.said(({ listening }) => listening !== undefined)).listening ?? '';
  }

  /** SIGKILL: it gets no say. */
  async kill(): Promise<void> {
    const ended = once(this.child, 'exit');
    if (!this.child.kill('SIGKILL')) return;
    await ended;
  }

  /** SIGSTOP and SIGCONT: it sleeps, and knows nothing of it. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.child.kill(signal);
  }
}
