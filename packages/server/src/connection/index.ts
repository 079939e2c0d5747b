export * from './sessions.js';
export * from './socket-server.js';
