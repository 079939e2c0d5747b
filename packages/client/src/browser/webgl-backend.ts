// Stands in for `training/tensorflow/webgl.ts` in a page: registers `webgl`.
import '@tensorflow/tfjs-backend-webgl';
