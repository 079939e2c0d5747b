export { probeBackend } from './backends.js';
export { createClassifierTrainer } from './classifier.js';
