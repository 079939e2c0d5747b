import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder of the test's own, gone when the test is over. */
export async function temporaryDirectory(): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'tutti-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** The same in memory, where the machine has such a place: for tests that write a great deal and need no disk to believe it. */
export async function temporaryDirectoryInMemory(): Promise<string> {
  const path = await mkdtemp(join(existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'tutti-test-'));
  onTestFinished(() => rm(path, { recursive: true, force: true }));
  return path;
}
