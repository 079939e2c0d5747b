import type { Channel } from '@tutti/shared/protocol';
import { startTimer } from './timer.js';

/**
 * What a participant and one coordinator have of each other: a channel, and after it was lost the next one. What is said while there is none is
 * lost, and said again when the coordinator asks again.
 */
export class CoordinatorSession {
  private channel: Channel | undefined;
  private stopWaiting: () => void = () => undefined;

  constructor(
    /** Address of the coordinator. */
    readonly coordinator: string,
    /** Milliseconds for which the next channel is waited for. */
    private readonly patience: number,
    /** Called when the channel is lost, and nobody has come back in time. */
    private readonly ended: () => void,
  ) {}

  get isOpen(): boolean {
    return this.channel !== undefined;
  }

  /** The coordinator has welcomed this client over a channel: whatever is said from now on goes there. */
  open(channel: Channel): void {
    this.stopWaiting();
    const isAnother = this.channel !== channel;
    // Without patience nothing outlives its channel, not even where the next one comes before the loss is noticed.
    if (isAnother && this.patience === 0) this.ended();
    this.channel = channel;
  }

  /** A channel over which the coordinator speaks without a welcome is as good, where there is no other. */
  hear(channel: Channel): void {
    this.channel ??= channel;
  }

  lose(channel: Channel): void {
    // A later channel has taken the place of this one.
    if (this.channel !== undefined && this.channel !== channel) return;
    this.channel = undefined;
    this.stopWaiting();
    if (this.patience === 0) this.ended();
    else this.stopWaiting = startTimer(this.ended, this.patience);
  }

  send(sent: Parameters<Channel['send']>[0]): void {
    this.channel?.send(sent);
  }
}
