export * from './app.js';
export * from './listen.js';
