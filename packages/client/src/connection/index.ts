export * from './artifacts.js';
export * from './enrolment.js';
export * from './quicknet.js';
export * from './socket.js';
