export { classifierModel } from '../training/tensorflow/classifier.js';
export type { AdaptiveClip } from './adaptive-clip.js';
export { clippedSum, type ClippedSum, type Clipping } from './clip.js';
export { makePrivate, makePrivateWithEpsilon, type PrivateOptions } from './make-private.js';
export { checkModel, findModelProblems, type ModelProblem } from './model-check.js';
export { fixModel, type ModelChange } from './model-fix.js';
export { PrivateTraining, type PrivateTrainingSettings } from './private-training.js';
export { createSiloTrainer, type SiloOptions, type SiloTrainer, type StepCount } from './silo-trainer.js';
