/* The program of a coordinator in a process of its own: see coordinator-process.ts. It imports packages alone, for it runs from a string. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import {
  ArtifactFiles,
  AuditLog,
  createWebApp,
  Jobs,
  KeptLedger,
  listenOnLoopback,
  openStore,
  Registry,
  RoundFiles,
  serveSockets,
  Sessions,
} from '@tutti/server';
import { fromHex } from '@tutti/shared/crypto';
import { primitives, systemRandom } from '@tutti/shared/crypto/primitives';
import { TuttiError } from '@tutti/shared/errors';
import type { ProgramSettings } from './coordinator-process.js';

const settings = JSON.parse(process.env['SETTINGS'] ?? '') as ProgramSettings;
const { location, directory } = settings;
const say = (fact: object) => process.stdout.write(`${JSON.stringify(fact)}\n`);
const now = () => Date.now();

const authority = fromHex(settings.authority);
const groupId = fromHex(settings.groupId);
const signingKey = {
  publicKey: fromHex(settings.signingKey.publicKey),
  secretKey: fromHex(settings.signingKey.secretKey),
};
const artifacts = await ArtifactFiles.open(join(directory, 'artifacts'));
const files = await RoundFiles.open(join(directory, 'rounds'));
const registry = new Registry({ primitives, authority, groupId, now });
const sessions = new Sessions({
  primitives,
  random: systemRandom,
  coordinator: signingKey.publicKey,
  admit: registry.admit,
  largestBody: 16 * 2 ** 20,
});
const listening = await listenOnLoopback(createWebApp({ artifacts }));
serveSockets(listening.http, { largestBody: 16 * 2 ** 20, accept: (channel) => sessions.accept(channel) });
const store = await openStore(location);
say({ url: `http://127.0.0.1:${listening.port}` });

const jobs = new Jobs({
  primitives,
  random: systemRandom,
  signingKey,
  authority,
  groupId,
  sessions,
  store,
  artifacts,
  files,
  ledger: await KeptLedger.open(store, primitives, now),
  audit: new AuditLog(store.audit, now),
  owner: randomUUID(),
  times: { phaseDeadline: 60_000, grace: 60_000, pause: 0, patience: 5, lease: settings.lease },
  now,
  publish: say,
  failed: (_what, error) =>
    say({ kind: 'failed', code: error instanceof TuttiError ? error.code : String(error) }),
});
void jobs.start();
