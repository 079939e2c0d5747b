export type { Evaluation, Examples, Trainer, TrainingSettings } from './trainer.js';
export { createTrainer, describeBackends, type BackendChoice, type BackendReport } from './create-trainer.js';
export { shuffle } from './batches.js';
export { layersModelFiles } from './layers-model.js';
export { publicGenerator } from './public-generator.js';
