export * from './artifacts.js';
export * from './enrolment.js';
export * from './socket.js';
