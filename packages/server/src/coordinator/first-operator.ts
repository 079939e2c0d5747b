import { systemRandom } from '@tutti/shared/crypto/primitives';
import { AuditLog, Operators, type Actor } from '../operators/index.js';
import type { LocatedSettings } from './settings.js';
import { openLocatedStore } from './store-location.js';

/** Makes the account of a coordinator's first operator, while no coordinator runs on the store. @returns the token */
export async function addFirstOperator(location: LocatedSettings, operator: Actor): Promise<string> {
  const store = await openLocatedStore(location);
  try {
    const now = () => Date.now();
    const audit = new AuditLog(store.audit, now);
    const { token } = await new Operators(store.operators, audit, systemRandom, now).add('init', operator);
    return token;
  } finally {
    await store.close();
  }
}
