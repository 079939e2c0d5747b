export * from './desk.js';
export type { RemedyWish } from './remedies.js';
export type { GoingBack, RemedyChoice } from './standing.js';
export { supersededStates } from './superseded.js';
