export { fastestBackend, probeBackend, requireBackend, useBackend } from './backends.js';
export type { TensorFlow } from './library.js';
export { classifierModel, createClassifierTrainer } from './classifier.js';
export { createModelTrainer, type ModelBuilder } from './layers-trainer.js';
export { createModelScorer } from './scorer.js';
export type { LayerRoles } from './roles.js';
