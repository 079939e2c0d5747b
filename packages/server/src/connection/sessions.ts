import { fromHex, randomBytes, toHex, type Primitives, type RandomSource } from '@tutti/shared/crypto';
import { Refusal, TuttiError } from '@tutti/shared/errors';
import {
  frame,
  helloMessage,
  PROTOCOL_VERSION,
  readHeader,
  toCoordinatorSchema,
  type Channel,
  type ChannelHandler,
  type Frame,
  type ToCoordinator,
} from '@tutti/shared/protocol';

/** Decides whether an identity whose signature has been verified may take part. Throws a Refusal where it may not. */
export type Admission = (identity: Uint8Array, certificate: Uint8Array) => Promise<void>;

/** A message that belongs to a round of some job. */
export type JobMessage = Exclude<ToCoordinator, { type: 'hello' }>;

/** What the sessions tell whoever runs the rounds. Clients are named by their identity key, in hex. */
export interface SessionObserver {
  /** A client has been let in, for the first time or again. */
  joined?(client: string): void;
  received(client: string, header: JobMessage, body: Uint8Array): void;
  left(client: string): void;
}

export interface SessionOptions {
  readonly primitives: Primitives;
  readonly random: RandomSource;
  /** The coordinator's public key: 32 bytes. */
  readonly coordinator: Uint8Array;
  readonly admit: Admission;
  /** Bytes of the largest body that a client may send. */
  readonly largestBody: number;
  /** Told of every refused message, by its code: for counters and logs. */
  readonly refused?: (code: string, client: string | undefined) => void;
}

/**
 * Who is connected, each proven by a signature over a fresh challenge. A client has one session: a second one under the
 * same identity closes the first, so that a client whose network changed is not shut out by its own ghost.
 */
export class Sessions {
  private readonly channels = new Map<string, Channel>();
  private readonly observers = new Map<string, SessionObserver>();

  constructor(private readonly options: SessionOptions) {}

  /**
   * Names who is told of a job's messages, and of every departure. One job has one observer at a time: a later one takes its place.
   * @returns ends it
   */
  observe(job: string, observer: SessionObserver): () => void {
    this.observers.set(job, observer);
    return () => {
      if (this.observers.get(job) === observer) this.observers.delete(job);
    };
  }

  get connected(): ReadonlySet<string> {
    return new Set(this.channels.keys());
  }

  /** How many are connected. */
  get size(): number {
    return this.channels.size;
  }

  isConnected(client: string): boolean {
    return this.channels.has(client);
  }

  /** Sends to a client, if it is there: one that is gone is the deadline's business. */
  send(client: string, sent: Frame): void {
    this.channels.get(client)?.send(sent);
  }

  /** Closes a client's connection, if it has one. */
  disconnect(client: string): void {
    this.channels.get(client)?.close();
  }

  /** Takes a new channel into the handshake. */
  accept(channel: Channel): ChannelHandler {
    const nonce = randomBytes(this.options.random, 32);
    let client: string | undefined;
    let greeted = false;

    const refuse = (error: unknown) => {
      const { code, message, remedy } = asRefusal(error);
      this.options.refused?.(code, client);
      channel.send(frame({ type: 'refused', code, message, remedy }));
      if (client === undefined) channel.close();
    };

    channel.send(
      frame({
        type: 'challenge',
        version: PROTOCOL_VERSION,
        nonce: toHex(nonce),
        coordinator: toHex(this.options.coordinator),
      }),
    );
    return {
      // Whoever has not shown who it is sends a greeting, which has no body.
      largestBody: () => (client === undefined ? 0 : this.options.largestBody),
      receive: (received) => {
        try {
          const header = readHeader(toCoordinatorSchema, received, this.options.largestBody);
          if (client !== undefined) {
            if (header.type === 'hello') throw outOfTurn();
            this.deliver(client, header, received.body);
          } else {
            if (header.type !== 'hello' || greeted) throw outOfTurn();
            greeted = true;
            this.greet(header, nonce).then((admitted) => {
              client = admitted;
              const former = this.channels.get(admitted);
              this.channels.set(admitted, channel);
              former?.close();
              channel.send(frame({ type: 'welcome' }));
              for (const observer of this.observers.values()) observer.joined?.(admitted);
            }, refuse);
          }
        } catch (error) {
          refuse(error);
        }
      },
      closed: () => {
        if (client === undefined || this.channels.get(client) !== channel) return;
        this.channels.delete(client);
        for (const observer of this.observers.values()) observer.left(client);
      },
    };
  }

  private deliver(client: string, header: JobMessage, body: Uint8Array): void {
    const observer = this.observers.get(header.job);
    // A late answer to a round that is over is no fault of the client: it is counted, and not answered.
    if (observer === undefined) this.options.refused?.('session.no-round', client);
    else observer.received(client, header, body);
  }

  private async greet(hello: Extract<ToCoordinator, { type: 'hello' }>, nonce: Uint8Array): Promise<string> {
    const identity = fromHex(hello.identity);
    const message = helloMessage(nonce, this.options.coordinator, identity);
    if (!(await this.options.primitives.verify(identity, message, fromHex(hello.signature)))) {
      throw new Refusal(
        'session.bad-signature',
        'The challenge was not signed by the identity that was named.',
        'Check that the client uses the identity key that was enrolled.',
      );
    }
    await this.options.admit(identity, fromHex(hello.certificate));
    return hello.identity;
  }
}

function outOfTurn(): Refusal {
  return new Refusal(
    'session.out-of-turn',
    'The message does not belong here.',
    'Answer the challenge first, and once.',
  );
}

/** A failure of ours must not tell a client about our insides. */
function asRefusal(error: unknown): TuttiError {
  if (error instanceof TuttiError) return error;
  return new Refusal('session.failed', 'The coordinator could not read the message.', 'Try again later.');
}
