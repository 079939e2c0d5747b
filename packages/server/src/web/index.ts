export * from './app.js';
export * from './events.js';
export * from './listen.js';
