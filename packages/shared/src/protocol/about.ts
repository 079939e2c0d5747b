import { z } from 'zod';
import { canonicalJson } from '../privacy/index.js';

const name = z
  .string()
  .regex(/^[a-z][a-z0-9-]{0,31}$/, 'lower-case letters, digits and hyphens, 32 at the most');
const value = z.string().min(1).max(64);

/** What the owner of a client lets it say of itself, for jobs that ask for certain clients: never anything that follows from its data. */
export const attributesSchema = z
  .record(name, value)
  .refine((attributes) => Object.keys(attributes).length <= 16, 'sixteen at the most');

export type Attributes = Readonly<Record<string, string>>;

/** Which clients a job is for: of each attribute that is named, one of the values. */
export const eligibleSchema = z
  .record(name, z.array(value).min(1).max(100))
  .refine((attributes) => Object.keys(attributes).length <= 16, 'sixteen at the most');

export type Eligible = Readonly<Record<string, readonly string[]>>;

/** Whether a client that says this of itself is among those that a job is for. */
export function isEligible(eligible: Eligible | undefined, attributes: Attributes): boolean {
  return Object.entries(eligible ?? {}).every(([asked, allowed]) => {
    const said = Object.hasOwn(attributes, asked) ? attributes[asked] : undefined;
    return said !== undefined && allowed.includes(said);
  });
}

/** What is signed of attributes. */
export function attributesBytes(attributes: Attributes): Uint8Array {
  return new TextEncoder().encode(canonicalJson(attributes));
}
