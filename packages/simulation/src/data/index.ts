export { loadDataset, selectRows, type Dataset, type DatasetOptions } from './dataset.js';
export { partition, type PartitionOptions } from './partition.js';
