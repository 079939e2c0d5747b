import { fromHex, randomBytes, toHex, type Primitives, type RandomSource } from '@tutti/shared/crypto';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import {
  frame,
  helloMessage,
  type Attributes,
  PROTOCOL_VERSION,
  readHeader,
  toCoordinatorSchema,
  type Channel,
  type ChannelHandler,
  type Frame,
  type ToCoordinator,
  type Upload,
  type UploadProgress,
} from '@tutti/shared/protocol';
import { Allowance, type Rate } from '../limits/index.js';

/** Decides whether an identity whose signature has been verified may take part. Throws a Refusal where it may not. */
export type Admission = (
  identity: Uint8Array,
  certificate: Uint8Array,
  attributes: Attributes,
) => Promise<void>;

/** A message that belongs to a round of some job. */
export type JobMessage = Exclude<ToCoordinator, { type: 'hello' }>;

/** What one connection may ask of the coordinator. */
export interface SessionLimits {
  /** Milliseconds within which a client says who it is. */
  readonly handshake: number;
  readonly messages: Rate;
  /** Messages that are refused before the connection is closed. */
  readonly refusals: number;
}

export interface SessionOptions {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  /** The coordinator's public key: 32 bytes. */
  readonly coordinator: Uint8Array;
  readonly admit: Admission;
  /** Bytes of the largest body that a client may send at the moment. */
  readonly largestBody: number | (() => number);
  /** Where the coordinators are reached that share the jobs, this one among them. Left out, there is no other. */
  readonly coordinators?: () => readonly string[];
  /** Left out, clients are taken for well-behaved. */
  readonly limits?: SessionLimits;
  /** Told of every refused message, by its code: for counters and logs. */
  readonly refused?: (code: string, client: string | undefined) => void;
}

/** What a session tells those who keep the sessions. */
export interface SessionKeeper {
  /** A client is let in: whatever it began to send over another connection is at an end there. @returns how far that came */
  entering(client: string): UploadProgress | undefined;
  /** Gives out the beginning of a client's body, once. */
  resumed(client: string, digest: string): Upload | undefined;
  entered(client: string, channel: Channel): void;
  received(client: string, header: JobMessage, body: Uint8Array): void;
  left(client: string, channel: Channel): void;
}

/** One connection: a challenge, its answer, and then messages, each checked before anybody else sees it. */
export class Session implements ChannelHandler {
  private readonly nonce: Uint8Array;
  private readonly allowance: Allowance | undefined;
  private late: NodeJS.Timeout | undefined;
  private client: string | undefined;
  private greeted = false;
  private over = false;
  private refusals = 0;

  constructor(
    private readonly options: SessionOptions,
    private readonly keeper: SessionKeeper,
    private readonly channel: Channel,
  ) {
    const { limits, random, coordinator } = options;
    this.nonce = randomBytes(random, 32);
    if (limits !== undefined) {
      this.allowance = new Allowance(limits.messages, performance.now());
      // A connection that nobody speaks on is worth nothing, and costs memory.
      this.late = setTimeout(() => this.refuse(tooLate()), limits.handshake);
      this.late.unref();
    }
    channel.send(
      frame({
        type: 'challenge',
        version: PROTOCOL_VERSION,
        nonce: toHex(this.nonce),
        coordinator: toHex(coordinator),
      }),
    );
  }

  /** Whoever has not shown who it is sends a greeting, which has no body. */
  readonly largestBody = (): number => {
    const { largestBody } = this.options;
    if (this.client === undefined) return 0;
    return typeof largestBody === 'number' ? largestBody : largestBody();
  };

  resumed(digest: string): Upload | undefined {
    return this.client === undefined ? undefined : this.keeper.resumed(this.client, digest);
  }

  receive(received: Frame): void {
    // What comes behind the last straw is not even read.
    if (this.over) return;
    if (this.allowance?.take(performance.now()) === false) {
      this.refuse(tooMany());
      this.close();
      return;
    }
    try {
      const header = readHeader(toCoordinatorSchema, received, this.largestBody());
      if (header.type === 'hello') this.greet(header);
      else if (this.client === undefined) throw outOfTurn();
      else this.keeper.received(this.client, header, received.body);
    } catch (error) {
      this.refuse(error);
    }
  }

  closed(): void {
    this.end();
    if (this.client !== undefined) this.keeper.left(this.client, this.channel);
  }

  private greet(hello: Extract<ToCoordinator, { type: 'hello' }>): void {
    if (this.greeted) throw outOfTurn();
    this.greeted = true;
    this.verify(hello).then(
      () => {
        // While its signature was checked, the connection may have been closed: nobody is there any more.
        if (this.over) return;
        clearTimeout(this.late);
        this.client = hello.identity;
        const resume = this.keeper.entering(hello.identity);
        const coordinators = this.options.coordinators?.() ?? [];
        this.channel.send(
          frame({
            type: 'welcome',
            ...(resume && { resume }),
            ...(coordinators.length > 1 && { coordinators: [...coordinators] }),
          }),
        );
        this.keeper.entered(hello.identity, this.channel);
      },
      (error: unknown) => this.refuse(error),
    );
  }

  private async verify(hello: Extract<ToCoordinator, { type: 'hello' }>): Promise<void> {
    const { primitives, coordinator, admit } = this.options;
    const identity = fromHex(hello.identity);
    const message = helloMessage(this.nonce, coordinator, identity, hello.attributes);
    if (!(await primitives.verify(identity, message, fromHex(hello.signature)))) {
      throw new Refusal(
        'session.bad-signature',
        'The challenge was not signed by the identity that was named.',
        'Check that the client uses the identity key that was enrolled.',
      );
    }
    await admit(identity, fromHex(hello.certificate), hello.attributes ?? {});
  }

  private refuse(error: unknown): void {
    if (this.over) return;
    const { refused, limits } = this.options;
    const { code, message, remedy } = asRefusal(error);
    refused?.(code, this.client);
    this.channel.send(frame({ type: 'refused', code, message, remedy }));
    this.refusals++;
    if (this.client === undefined || this.refusals >= (limits?.refusals ?? Infinity)) this.close();
  }

  private close(): void {
    this.end();
    this.channel.close();
  }

  private end(): void {
    this.over = true;
    clearTimeout(this.late);
  }
}

function outOfTurn(): Refusal {
  return new Refusal(
    'session.out-of-turn',
    'The message does not belong here.',
    'Answer the challenge first, and once.',
  );
}

function tooLate(): Refusal {
  return new Refusal(
    'session.too-late',
    'The challenge was not answered in time.',
    'Check that the client is not overloaded; it may connect again.',
  );
}

function tooMany(): Refusal {
  return new Refusal(
    'session.too-many',
    'So many messages come over this connection that it is closed.',
    'A round takes a handful of messages: check what the client sends. It may connect again.',
  );
}

/** A failure of ours must not tell a client about our insides. */
function asRefusal(error: unknown): TuttiError {
  if (error instanceof TuttiError) return error;
  return new Refusal('session.failed', 'The coordinator could not read the message.', 'Try again later.');
}
