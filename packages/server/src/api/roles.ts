import { z } from 'zod';

/** What an operator may do: look; run jobs and let clients in too; or decide on privacy and on operators too. Each may what those before may. */
export const roleSchema = z.enum(['viewer', 'operator', 'privacy-officer']);

export type Role = z.output<typeof roleSchema>;

/** Whether whoever has `held` may do what asks for `needed`. */
export function covers(held: Role, needed: Role): boolean {
  const ranks = roleSchema.options;
  return ranks.indexOf(held) >= ranks.indexOf(needed);
}
