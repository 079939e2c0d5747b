export { WorkerExpander, type WorkerExpanderOptions } from './worker-expander.js';
