export type {
  Evaluation,
  ExampleProtection,
  SharedProtection,
  Examples,
  PersonalWeights,
  Trainer,
  TrainingControl,
  TrainingProgress,
  TrainingSettings,
} from './trainer.js';
export {
  createLayersTrainer,
  createTrainer,
  describeBackends,
  openTensorFlow,
  runsOnArrays,
  type BackendChoice,
  type BackendReport,
} from './create-trainer.js';
export { createChildTrainer, type ChildTrainerOptions } from './child/index.js';
export {
  buildModel,
  modelFilesOf,
  readModelFiles,
  writeModelFiles,
  type ModelFiles,
} from './model-files/index.js';
export type { LayerRoles, ModelBuilder } from './tensorflow/index.js';
export { shuffle } from './batches.js';
export { layersModelFiles } from './layers-model.js';
export { meanScorer } from './mean-scorer.js';
export { scoreBatch } from './scores.js';
export { createLayersScorer, createScorer, type Scorer } from './scorer.js';
export { publicGenerator } from '@tutti/shared/learning';
