import { Refusal } from '@tutti/shared/errors';

/** A round that would cost some clients more than may be spent on them. Which clients they are stays here. */
export class NotAffordable extends Refusal {
  constructor(clients: number) {
    super(
      'ledger.client-cap',
      `The round would bring ${clients} of its clients above what may be spent on one over all jobs.`,
      'Nothing need be done: while the round was under way another job was charged, and the next attempt is drawn without them.',
    );
  }
}
