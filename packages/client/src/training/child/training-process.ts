import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { TuttiError } from '@tutti/shared/errors';
import type { TrainingProgress } from '../trainer.js';
import { fromFailure, type CallName, type Calls, type Reply } from './messages.js';

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
  readonly progress: ((progress: TrainingProgress) => void) | undefined;
}

/** One training process, from its start to its end. It answers one call at a time. */
export class TrainingProcess {
  private readonly child: ChildProcess;
  private pending: Pending | undefined;
  private over = false;

  /** @param program - the built `main.js` */
  constructor(program: URL) {
    // Structured clones, so that arrays of numbers cross as they are; no flags of the parent, which may be a debugger's.
    this.child = fork(fileURLToPath(program), [], { serialization: 'advanced', execArgv: [] });
    this.child.on('message', (reply: Reply) => this.take(reply));
    this.child.on('error', (error) => this.end(died(error.name)));
    this.child.on('exit', (code, signal) => {
      this.end(died(signal === null ? `exit code ${code}` : `signal ${signal}`));
    });
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** False once the process has ended, whatever ended it. */
  get alive(): boolean {
    return !this.over;
  }

  /** @throws TuttiError what the trainer throws, or `training.process` when the process ends before it has answered */
  call<K extends CallName>(
    call: K,
    takes: Calls[K]['takes'],
    progress?: (progress: TrainingProgress) => void,
  ): Promise<Calls[K]['gives']> {
    return new Promise<unknown>((resolve, reject) => {
      if (this.over) {
        reject(died('it was stopped'));
        return;
      }
      this.pending = { resolve, reject, progress };
      this.hold();
      this.child.send({ call, takes }, (error) => {
        if (error !== null) this.end(died(error.name));
      });
    }) as Promise<Calls[K]['gives']>;
  }

  /** Ends the process at once, in the middle of a step if need be; what was asked of it fails with `reason`. */
  kill(reason?: unknown): void {
    this.end(reason ?? died('it was stopped'));
    this.child.kill('SIGKILL');
  }

  private take(reply: Reply): void {
    const { pending } = this;
    if (reply.kind === 'progress') {
      pending?.progress?.(reply.progress);
      return;
    }
    this.pending = undefined;
    this.release();
    if (reply.kind === 'done') pending?.resolve(reply.result);
    else pending?.reject(fromFailure(reply.failure));
  }

  private end(reason: unknown): void {
    this.over = true;
    this.release();
    this.pending?.reject(reason);
    this.pending = undefined;
  }

  /** While it works the parent stays for it; while it is idle the parent may end, and the process with it. */
  private hold(): void {
    this.child.ref();
    this.child.channel?.ref();
  }

  private release(): void {
    this.child.unref();
    this.child.channel?.unref();
  }
}

function died(how: string): TuttiError {
  return new TuttiError(
    'training.process',
    `The training process ended before it had answered: ${how}.`,
    'Give it more memory, use a smaller batch, or try another backend; `tutti doctor` says which run here.',
  );
}
