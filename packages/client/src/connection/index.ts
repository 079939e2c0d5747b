export * from './artifacts.js';
export * from './socket.js';
