export * from './announced-job.js';
export * from './artifacts.js';
export * from './handshake.js';
export * from './job.js';
export * from './round-plan.js';
export * from './round-record.js';
export * from './socket-channel.js';
export * from './wire.js';
