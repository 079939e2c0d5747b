import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import type { TestFederation } from './federation.js';

export interface ProgramSettings extends Readonly<TestFederation['settings']> {
  /** Of the store. */
  readonly location: string;
  /** Of artifacts and vectors. */
  readonly directory: string;
  /** Milliseconds. */
  readonly lease: number;
}

/** What the program says on its standard output, a line each: its address, what a coordinator publishes, and what fails. */
export interface Fact {
  readonly url?: string;
  readonly kind?: 'phase' | 'round' | 'job' | 'failed';
  readonly status?: string;
  readonly code?: string;
}

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The program runs what was built, as it is deployed. */
function program(): string {
  const source = readFileSync(new URL('coordinator-program.ts', import.meta.url), 'utf8');
  const { target, module } = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
  return ts.transpileModule(source, { compilerOptions: { target, module } }).outputText;
}

/** A coordinator in a process of its own, that can be killed. */
export class CoordinatorProcess {
  readonly facts: Fact[] = [];
  private readonly waiting = new Set<() => void>();
  private errors = '';

  private constructor(private readonly child: ChildProcess) {
    if (child.stdout === null || child.stderr === null) throw new Error('The process has no output.');
    createInterface(child.stdout).on('line', (line) => {
      this.facts.push(JSON.parse(line) as Fact);
      for (const look of this.waiting) look();
    });
    child.stderr.on('data', (text: Buffer) => (this.errors += text.toString()));
    child.once('exit', () => {
      for (const look of this.waiting) look();
    });
  }

  static start(settings: ProgramSettings): CoordinatorProcess {
    const child = spawn(process.execPath, ['--input-type=module', '-e', program()], {
      cwd: root,
      env: { ...process.env, SETTINGS: JSON.stringify(settings) },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    return new CoordinatorProcess(child);
  }

  /** Waits until it has said something, and gives back what. */
  said(is: (fact: Fact) => boolean): Promise<Fact> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const fact = this.facts.find(is);
        if (fact === undefined && this.child.exitCode === null && this.child.signalCode === null) return;
        this.waiting.delete(look);
        if (fact !== undefined) resolve(fact);
        else reject(new Error(`The coordinator has ended: ${this.errors}`));
      };
      this.waiting.add(look);
      look();
    });
  }

  async url(): Promise<string> {
    return (await this.said(({ url }) => url !== undefined)).url ?? '';
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
