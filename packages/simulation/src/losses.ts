import { uniform, type RandomSource } from '@tutti/shared/crypto';
import type { Channel, Frame } from '@tutti/shared/protocol';

/** The message that a lost client never sends: it is gone from then to the end of the round. */
export const LOSS_STAGES = ['advert', 'shares', 'masked', 'consistency', 'reveal'] as const;
export type LossStage = (typeof LOSS_STAGES)[number];

/** Whether, and before which message, a client is lost in one round: each stage is as likely as any other. */
export function drawLoss(dropout: number, random: RandomSource): LossStage | undefined {
  if (uniform(random) >= dropout) return undefined;
  return LOSS_STAGES[Math.floor(uniform(random) * LOSS_STAGES.length)];
}

/** A channel whose client vanishes instead of sending the message of `stage()`: the connection closes without a word. */
export function lossyChannel(channel: Channel, stage: () => LossStage | undefined): Channel {
  return {
    send: (sent: Frame) => {
      const { message } = sent.header as { message?: string };
      if (message !== undefined && message === stage()) channel.close();
      else channel.send(sent);
    },
    close: () => channel.close(),
  };
}
