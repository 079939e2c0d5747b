export * from './artifacts.js';
export * from './backoff.js';
export * from './coordinators.js';
export * from './enrolment.js';
export * from './quicknet.js';
export * from './socket.js';
export * from './tls-refusal.js';
export * from './withdrawal.js';
