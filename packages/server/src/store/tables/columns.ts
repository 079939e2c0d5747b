import { z } from 'zod';

/** A document, kept as JSON text. */
export const json = z.string().transform((text): unknown => JSON.parse(text));

/** Bytes, in whatever class the engine gives them. */
export const bytes = z.instanceof(Uint8Array).transform((value) => new Uint8Array(value));

/** Unix milliseconds. */
export const time = z.number();
