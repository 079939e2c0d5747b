import { Refusal } from '../../errors.js';

/** What an accountant says of an event for which it knows no bound. */
export function unsupportedEvent(accountant: string, event: string, reason: string, remedy: string): Refusal {
  return new Refusal(
    'privacy.unsupported-event',
    `The ${accountant} accountant cannot bound the event ${event}: ${reason}.`,
    remedy,
  );
}
