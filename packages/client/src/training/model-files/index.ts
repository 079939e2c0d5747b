export { buildModel } from './build.js';
export { modelFilesOf } from './open.js';
export { LARGEST_MODEL, readModel, readModelFiles } from './read.js';
export { unpackModel, type ModelFiles, type WeightEntry } from './unpack.js';
export { writeModelFiles } from './write.js';
