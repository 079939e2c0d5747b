import pino from 'pino';
import { onTestFinished } from 'vitest';
import { openStore, readSettings, startCoordinator, type Store } from '@tutti/server';
import type { TestFederation } from './federation.js';
import { temporaryDirectory } from './temporary.js';

/** Runs the job to its end: a coordinator as it is deployed, and clients that dial it over sockets. @param prepare - what has to be in its directory before */
export async function runToItsEnd(
  federation: TestFederation,
  prepare: (directory: string) => Promise<unknown> = () => Promise.resolve(),
): Promise<{ store: Store; directory: string }> {
  const directory = await temporaryDirectory();
  await prepare(directory);
  const before = await openStore(directory);
  await federation.submit(before, directory);
  await before.close();
  const config = await federation.settle(directory, { store: directory });
  let end: () => void = () => undefined;
  const finished = new Promise<void>((resolve) => (end = resolve));
  const hear = (line: string) => {
    const { kind, status } = JSON.parse(line) as { kind?: string; status?: string };
    if (kind === 'job' && status === 'finished') end();
  };
  const coordinator = await startCoordinator(await readSettings(config), {
    version: '0.0.0-test',
    log: pino({ level: 'info' }, { write: hear }),
  });
  onTestFinished(() => coordinator.close());
  onTestFinished(federation.dial(coordinator.url, () => undefined));
  await finished;
  await coordinator.close();
  const store = await openStore(directory);
  onTestFinished(() => store.close());
  return { store, directory };
}
