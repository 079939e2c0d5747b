export { buildModel } from './build.js';
export { readModelFiles, type ModelFiles, type WeightEntry } from './read.js';
export { writeModelFiles } from './write.js';
