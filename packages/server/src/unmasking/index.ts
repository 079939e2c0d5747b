export { SharedExpander, type SharedExpanderOptions } from './shared-expander.js';
export { WorkerExpander, type WorkerExpanderOptions } from './worker-expander.js';
