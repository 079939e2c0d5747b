export type { Admission, JobMessage, SessionLimits, SessionOptions } from './session.js';
export * from './sessions.js';
export * from './socket-server.js';
