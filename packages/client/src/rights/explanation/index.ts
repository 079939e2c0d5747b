export { fromMeans, fromQuantiles, ownRows, type Background } from './background.js';
export * from './integrated-gradients.js';
export * from './kernel-shap.js';
export { lime, type LimeOptions, type LocalModel } from './lime.js';
export * from './model.js';
export * from './occlusion.js';
export * from './partial-dependence.js';
export * from './permutation-importance.js';
