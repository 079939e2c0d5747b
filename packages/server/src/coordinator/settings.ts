import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, resolve } from 'node:path';
import { parseDocument } from 'yaml';
import { z } from 'zod';
import { Refusal } from '@tutti/shared/errors';
import { USUAL_DELTA } from '@tutti/shared/protocol';
import { oidcSettingsSchema } from '../operators/oidc.js';
import { tracesSettingsSchema } from '../traces/index.js';
import { isLoopback } from './loopback.js';
import { storageSettingsSchema } from './storage.js';

const key = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const seconds = (least: number, most: number) => z.number().min(least).max(most);

const days = z.number().positive().max(36_500);

const rate = (perSecond: number, burst: number, what: string) =>
  z
    .strictObject({
      perSecond: z.number().positive().max(1e6).default(perSecond),
      burst: z.number().min(1).max(1e7).default(burst),
    })
    .prefault({})
    .describe(what);

/** What an operator settles before a coordinator starts. Paths are relative to the folder of the file. */
export const coordinatorSettingsSchema = z.strictObject({
  url: z
    .url({ protocol: /^https?$/ })
    .max(500)
    .optional()
    .describe('Where clients reach it, as invitations say. Default: where it listens.'),
  listen: z
    .strictObject({
      host: z.string().min(1).max(255).default('127.0.0.1'),
      port: z.int().min(0).max(65535).default(7430),
      certificate: z.string().min(1).optional().describe('Certificate chain, PEM file.'),
      key: z.string().min(1).optional().describe('Private key of the certificate, PEM file.'),
      behindProxy: z
        .boolean()
        .default(false)
        .describe('A proxy in front does TLS, and says in X-Forwarded-For who asks.'),
      insecure: z
        .boolean()
        .default(false)
        .describe('Listen beyond loopback without TLS: tokens and models can be read on the way.'),
    })
    .prefault({}),
  keys: z
    .strictObject({
      coordinator: z.string().min(1).default('keys/coordinator.json').describe('The coordinator’s key file.'),
      authority: key.describe('Public key of the enrolment authority.'),
      group: key.describe('The enrolment group.'),
      authorityFolder: z
        .string()
        .min(1)
        .optional()
        .describe('Of an authority made by `tutti enrol init`, where this coordinator holds its key.'),
      revocations: z
        .string()
        .min(1)
        .optional()
        .describe('File with the authority’s newest list of revoked certificates.'),
    })
    .describe('Who the coordinator is, and whose certificates it relies on.'),
  store: z
    .string()
    .min(1)
    .default('store')
    .describe('Folder of the embedded store, or `postgres://…` for several coordinators.'),
  files: z
    .string()
    .min(1)
    .default('files')
    .describe('Folder of models and of rounds under way; coordinators that share a store share it.'),
  page: z
    .string()
    .min(1)
    .optional()
    .describe('Folder of a page with which people take part from a browser, served at /page/.'),
  storage: storageSettingsSchema
    .optional()
    .describe('S3-compatible object storage for models and rounds under way, in place of the folder.'),
  lease: seconds(1, 300)
    .default(6)
    .describe('Seconds after which another coordinator takes over from one that is not heard of.'),
  rounds: z
    .strictObject({
      phaseDeadline: seconds(1, 86_400)
        .default(120)
        .describe(
          'Seconds after which a phase closes with whoever has answered. The first has the training in it.',
        ),
      grace: seconds(0, 3600)
        .default(5)
        .describe('Seconds for which a client whose connection is lost is still waited for.'),
      pause: seconds(0, 86_400).default(1).describe('Seconds between two rounds of a job.'),
      retry: z
        .strictObject({
          least: seconds(0, 3600).default(1),
          most: seconds(0, 86_400).default(300),
        })
        .prefault({})
        .describe(
          'Seconds between two attempts at a round: the least after the first that was aborted, doubled with each that follows, up to the most.',
        ),
    })
    .prefault({}),
  limits: z
    .strictObject({
      connections: z.int().min(1).max(1_000_000).default(20_000).describe('Open at a time.'),
      connectionsPerAddress: z
        .int()
        .min(1)
        .max(1_000_000)
        .default(500)
        .describe('Open at a time from one address.'),
      connecting: rate(50, 500, 'New connections of one address.'),
      handshake: seconds(1, 300).default(10).describe('Seconds in which a client says who it is.'),
      messages: rate(20, 400, 'Messages over one connection.'),
      refusals: z
        .int()
        .min(1)
        .max(10_000)
        .default(50)
        .describe('Refused messages after which a connection is closed.'),
      requests: rate(50, 500, 'HTTP requests of one address.'),
    })
    .prefault({}),
  metrics: z
    .strictObject({
      open: z
        .boolean()
        .default(false)
        .describe(
          'Show /metrics to everybody; else it takes a viewer’s token. It tells how many clients take part.',
        ),
    })
    .prefault({}),
  traces: tracesSettingsSchema.optional().describe('A collector for traces of rounds (OpenTelemetry).'),
  oidc: oidcSettingsSchema.optional().describe('An identity provider for operators.'),
  privacy: z
    .strictObject({
      epsilonWithoutOfficer: z
        .number()
        .positive()
        .optional()
        .describe('A job with a larger budget is submitted by a privacy officer only.'),
      client: z
        .strictObject({
          epsilon: z.number().positive().max(1e6),
          delta: z.number().gt(0).lt(0.1).default(USUAL_DELTA),
        })
        .optional()
        .describe(
          'The most that may be spent on one client over all jobs, against this coordinator: whoever has no more of it is drawn no more.',
        ),
    })
    .prefault({}),
  retention: z
    .strictObject({
      checkpoints: days
        .optional()
        .describe('Days after which models that later rounds have replaced are deleted. Left out: never.'),
      rounds: days
        .optional()
        .describe(
          'Days after which records of rounds are deleted, once their checkpoints are gone. Left out: never.',
        ),
      invitations: days
        .optional()
        .describe('Days after they expired after which invitations are deleted. Left out: never.'),
      logs: days
        .optional()
        .describe('Days after which entries of the audit log are deleted. Left out: never.'),
    })
    .refine(({ checkpoints = Infinity, rounds }) => rounds === undefined || rounds >= checkpoints, {
      path: ['rounds'],
      error:
        'not shorter than `retention.checkpoints`: the record of a round says which files are its checkpoint',
    })
    .prefault({})
    .describe('Never deleted: the privacy ledger, and what an open request for erasure needs.'),
  enrolment: z
    .strictObject({
      days: z
        .number()
        .positive()
        .max(3650)
        .default(365)
        .describe('For which certificates made here are good.'),
    })
    .prefault({}),
});

export type CoordinatorSettings = z.output<typeof coordinatorSettingsSchema>;

/** Settings with every path resolved. */
export interface LocatedSettings {
  readonly settings: CoordinatorSettings;
  /** The folder that relative paths start from. */
  readonly directory: string;
}

/**
 * Reads a coordinator's settings from a YAML file.
 * @throws {Refusal} `coordinator.settings` where there is none or it is wrong
 */
export async function readSettings(path: string): Promise<LocatedSettings> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new Refusal(
      'coordinator.settings',
      `${path} cannot be read.`,
      'Name the file with --config; `tutti coordinator init <folder>` makes one.',
      { cause },
    );
  });
  return { settings: parseSettings(text, path), directory: resolve(dirname(path)) };
}

/** @throws {Refusal} `coordinator.settings` */
export function parseSettings(text: string, name: string): CoordinatorSettings {
  const document = parseDocument(text, { prettyErrors: false });
  const [error] = document.errors;
  const parsed = coordinatorSettingsSchema.safeParse(error === undefined ? document.toJS() : undefined);
  if (parsed.success) return parsed.data;
  const problems =
    error === undefined
      ? parsed.error.issues.map(({ path, message }) => `${path.join('.') || 'settings'}: ${message}`)
      : [error.message];
  throw new Refusal(
    'coordinator.settings',
    `${name} does not fit:\n${problems.join('\n')}`,
    'docs/operating.md explains every field.',
  );
}

/** A path of the settings, from their folder on. */
export function located({ directory }: LocatedSettings, path: string): string {
  return isAbsolute(path) ? path : join(directory, path);
}

/**
 * Refuses to listen where others can listen in.
 * @throws {Refusal} `coordinator.no-tls`, `coordinator.half-tls`
 */
export function requireSafeListening({ listen }: CoordinatorSettings): void {
  const { host, certificate, key: privateKey, behindProxy, insecure } = listen;
  if ((certificate === undefined) !== (privateKey === undefined)) {
    throw new Refusal(
      'coordinator.half-tls',
      'TLS needs a certificate and its private key; only one of them is named.',
      'Name both: listen.certificate and listen.key.',
    );
  }
  if (certificate !== undefined || isLoopback(host) || behindProxy || insecure) return;
  throw new Refusal(
    'coordinator.no-tls',
    `Listening on ${host} without TLS, others could read tokens and models, and cut connections.`,
    'Name listen.certificate and listen.key; or say behindProxy where a proxy does TLS; or say insecure, and mean it.',
  );
}
