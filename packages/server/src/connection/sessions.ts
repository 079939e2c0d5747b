import {
  frame,
  toCoordinatorSchema,
  type Channel,
  type ChannelHandler,
  type Frame,
} from '@tutti/shared/protocol';
import { Session, type JobMessage, type SessionKeeper, type SessionOptions } from './session.js';
import { UnfinishedUploads, type UploadLimits } from './unfinished-uploads.js';

/** What the sessions tell whoever runs the rounds. Clients are named by their identity key, in hex. */
export interface SessionObserver {
  /** A client has been let in, for the first time or again. */
  joined?(client: string): void;
  received(client: string, header: JobMessage, body: Uint8Array): void;
  left(client: string): void;
  /** Whether this message of a client could still count: of others nothing is kept when they are cut off. Left out, none could. */
  awaits?(client: string, header: JobMessage): boolean;
}

/**
 * Who is connected, each proven by a signature over a fresh challenge. A client has one session: a second one under the
 * same identity closes the first, so that a client whose network changed is not shut out by its own ghost.
 */
export class Sessions {
  private readonly channels = new Map<string, Channel>();
  private readonly observers = new Map<string, SessionObserver>();
  private readonly uploads: UnfinishedUploads;
  private readonly keeper: SessionKeeper = {
    entering: (client) => {
      // Its ghost may not have noticed yet that the network is gone.
      this.cutOff(client, this.channels.get(client));
      return this.uploads.progress(client);
    },
    resumed: (client, digest) => this.uploads.take(client, digest),
    entered: (client, channel) => {
      const former = this.channels.get(client);
      this.channels.set(client, channel);
      former?.close();
      for (const observer of this.observers.values()) observer.joined?.(client);
    },
    received: (client, header, body) => {
      const observer = this.observers.get(header.job);
      // A late answer to a round that is over is no fault of the client: it is counted, and not answered.
      if (observer === undefined) this.options.refused?.('session.no-round', client);
      else observer.received(client, header, body);
    },
    left: (client, channel) => {
      if (this.channels.get(client) !== channel) return;
      this.cutOff(client, channel);
      this.channels.delete(client);
      for (const observer of this.observers.values()) observer.left(client);
    },
  };

  /** @param uploads - what is kept of bodies that were cut off */
  constructor(
    private readonly options: SessionOptions,
    uploads?: UploadLimits,
  ) {
    this.uploads = new UnfinishedUploads(uploads);
  }

  /**
   * Names who is told of a job's messages, and of every departure. One job has one observer at a time: a later one takes its place.
   * @returns ends it
   */
  observe(job: string, observer: SessionObserver): () => void {
    this.observers.set(job, observer);
    return () => {
      if (this.observers.get(job) !== observer) return;
      this.observers.delete(job);
      this.forgetUnawaited();
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

  /** Closes every connection. */
  disconnectAll(): void {
    for (const channel of this.channels.values()) channel.close();
  }

  /** Tells everybody which coordinators share the jobs from now on. */
  tellCoordinators(at: readonly string[]): void {
    const told = frame({ type: 'coordinators', at: [...at] });
    for (const channel of this.channels.values()) channel.send(told);
  }

  /** Drops the beginnings of messages that no observer awaits any more: for one that does not wait any longer. */
  forgetUnawaited(): void {
    this.uploads.sift((client, header) => this.awaits(client, header));
  }

  private cutOff(client: string, channel: Channel | undefined): void {
    const upload = channel?.interrupt?.();
    if (upload === undefined) return;
    const header = toCoordinatorSchema.safeParse(upload.header);
    if (!header.success || header.data.type === 'hello' || !this.awaits(client, header.data)) return;
    this.uploads.keep(client, upload, header.data);
  }

  private awaits(client: string, header: JobMessage): boolean {
    return this.observers.get(header.job)?.awaits?.(client, header) ?? false;
  }

  /** Takes a new channel into the handshake. */
  accept(channel: Channel): ChannelHandler {
    return new Session(this.options, this.keeper, channel);
  }
}
