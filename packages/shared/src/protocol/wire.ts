import { z } from 'zod';
import { Refusal } from '../errors.js';
import { MESSAGE_TYPES } from '../secagg/index.js';
import { attributesSchema } from './about.js';

/** Raised by one whenever a message changes its meaning. Parties of different versions refuse one another. */
export const PROTOCOL_VERSION = 4;

/** What travels: a small JSON header and one run of bytes (empty where a message has none). */
export interface Frame {
  readonly header: unknown;
  readonly body: Uint8Array;
}

/** One end of a connection. Frames arrive whole and in order, or the connection closes. */
export interface Channel {
  send(frame: Frame): void;
  close(): void;
  /** What came of a long body before the connection ended, or is ended by this: it is taken out, and its rest may come over another. */
  interrupt?(): Upload | undefined;
  /** The other end has this much of a body that was begun over an earlier connection: if that body is sent again, its rest goes. */
  resume?(progress: UploadProgress): void;
}

/** How far a body has come that was cut off. */
export interface UploadProgress {
  /** SHA-256 of the whole frame, hex. */
  readonly digest: string;
  /** Bytes of its beginning that have come. */
  readonly received: number;
}

/** The beginning of a body that was cut off. */
export interface Upload extends UploadProgress {
  /** As it came with the first piece: nobody has checked it. */
  readonly header: unknown;
  /** Bytes of the whole, as they were announced. */
  readonly total: number;
  readonly pieces: readonly Uint8Array[];
}

/** What a party does with what its channel brings. */
export interface ChannelHandler {
  receive(frame: Frame): void;
  /** Bytes of the largest body that is taken in now: little from whoever is not known yet. Left out, what the channel allows. */
  largestBody?(): number;
  /** Gives out the beginning of a body with this digest, once, if it was kept when an earlier connection ended. Left out, nothing is. */
  resumed?(digest: string): Upload | undefined;
  closed(): void;
}

const hash = z.string().regex(/^[0-9a-f]{64}$/, '64 lower-case hexadecimal digits');
const hex = (bytes: number) =>
  z
    .string()
    .max(2 * bytes)
    .regex(/^([0-9a-f]{2})*$/, 'lower-case hexadecimal digits');

const round = {
  /** SHA-256 of the job as announced. */
  job: hash,
  round: z.int().min(0).max(1_000_000),
  /** A round that was aborted is tried again under the next attempt, with new keys and new noise. */
  attempt: z.int().min(0).max(1_000),
};

const secagg = z.strictObject({
  type: z.literal('secagg'),
  ...round,
  message: z.enum(MESSAGE_TYPES),
});

/** Where coordinators that share their jobs are reached. */
const addresses = z
  .array(z.url({ protocol: /^https?$/ }).max(500))
  .min(1)
  .max(32);

/** Headers that a coordinator sends. */
export const toClientSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('challenge'),
    version: z.literal(PROTOCOL_VERSION),
    nonce: hash,
    coordinator: hash,
  }),
  /**
   * With how far a body has come that an earlier connection of this client began, where one was cut off; and with the addresses of all coordinators
   * that share the jobs, where there are several: a client is to be connected to each.
   */
  z.strictObject({
    type: z.literal('welcome'),
    resume: z.strictObject({ digest: hash, received: z.int().min(1) }).optional(),
    coordinators: addresses.optional(),
  }),
  /** Who shares the jobs from now on. */
  z.strictObject({ type: z.literal('coordinators'), at: addresses }),
  z.strictObject({
    type: z.literal('refused'),
    code: z.string().max(100),
    message: z.string().max(500),
    remedy: z.string().max(500),
  }),
  /** Invites to a round: the body is the round's signed parameters, the model is fetched at its hash. */
  z.strictObject({ type: z.literal('round'), ...round, model: hash }),
  secagg,
]);

/** Headers that a client sends. */
export const toCoordinatorSchema = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('hello'),
    version: z.literal(PROTOCOL_VERSION),
    identity: hash,
    certificate: hex(1024),
    /** What its owner lets it say of itself; signed with the rest. */
    attributes: attributesSchema.optional(),
    signature: hex(64),
  }),
  /** The client will not take part in this round, and says why: a code, and a reason where it is its owner's policy; never a detail of its data. */
  z.strictObject({
    type: z.literal('decline'),
    ...round,
    code: z.string().max(100),
    reason: z.string().max(500).optional(),
  }),
  secagg,
]);

export type ToClient = z.output<typeof toClientSchema>;
export type ToCoordinator = z.output<typeof toCoordinatorSchema>;
export type RoundReference = Pick<Extract<ToClient, { type: 'round' }>, 'job' | 'round' | 'attempt'>;

const EMPTY = new Uint8Array(0);

/** A frame ready to send. */
export function frame(header: ToClient | ToCoordinator, body: Uint8Array = EMPTY): Frame {
  return { header, body };
}

/**
 * Checks a frame's header against a schema and its body against a size.
 * @throws {Refusal} `wire.malformed` where the header is not one of the schema's, `wire.too-large` where the body is longer.
 */
export function readHeader<T>(schema: z.ZodType<T>, received: Frame, largestBody: number): T {
  const header = schema.safeParse(received.header);
  if (!header.success) {
    throw new Refusal(
      'wire.malformed',
      `A message does not fit protocol version ${PROTOCOL_VERSION}: ${header.error.issues[0]?.message ?? 'unknown form'}.`,
      'Check that both sides run the same version of Tutti.',
    );
  }
  if (received.body.length > largestBody) {
    throw new Refusal(
      'wire.too-large',
      `A message carries ${received.body.length} bytes where at most ${largestBody} are allowed.`,
      'Check that both sides run the same job.',
    );
  }
  return header.data;
}

/** Whether two references are of one attempt at one round. */
export function sameRound(a: RoundReference, b: RoundReference): boolean {
  return a.job === b.job && a.round === b.round && a.attempt === b.attempt;
}
