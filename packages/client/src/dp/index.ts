export { clippedSum, type ClippedSum } from './clip.js';
export { checkModel, findModelProblems, type ModelProblem } from './model-check.js';
