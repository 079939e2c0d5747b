import { uniform, type RandomSource } from '@tutti/shared/crypto';
import { attemptName, type Channel, type Frame, type RoundReference } from '@tutti/shared/protocol';

/** The message that a lost client never sends: it is gone from then to the end of the round. */
export const LOSS_STAGES = ['advert', 'shares', 'masked', 'consistency', 'reveal'] as const;
export type LossStage = (typeof LOSS_STAGES)[number];

/** Whether, and before which message, a client is lost in one round: each stage is as likely as any other. */
export function drawLoss(dropout: number, random: RandomSource): LossStage | undefined {
  if (uniform(random) >= dropout) return undefined;
  return LOSS_STAGES[Math.floor(uniform(random) * LOSS_STAGES.length)];
}

/** One client's losses, drawn once an attempt. */
export class Losses {
  private attempt: string | undefined;
  private stage: LossStage | undefined;

  constructor(
    private readonly dropout: number,
    private readonly random: (attempt: string) => RandomSource,
  ) {}

  /** A channel whose client vanishes instead of sending the message drawn: the connection closes without a word. */
  through(channel: Channel): Channel {
    return {
      send: (sent: Frame) => {
        if (this.strikes(sent.header)) channel.close();
        else channel.send(sent);
      },
      close: () => channel.close(),
    };
  }

  private strikes(header: unknown): boolean {
    const { message, ...reference } = header as { message?: string } & RoundReference;
    if (message === undefined) return false;
    const attempt = attemptName(reference);
    if (attempt !== this.attempt) {
      this.attempt = attempt;
      this.stage = drawLoss(this.dropout, this.random(attempt));
    }
    return message === this.stage;
  }
}
