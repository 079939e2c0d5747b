export { fastestBackend, probeBackend } from './backends.js';
export { createClassifierTrainer } from './classifier.js';
export { createModelTrainer, type ModelBuilder } from './layers-trainer.js';
export { createModelScorer } from './scorer.js';
