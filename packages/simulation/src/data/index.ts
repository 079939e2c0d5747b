export { loadDataset, selectRows, type DataSettings, type Dataset, type DatasetOptions } from './dataset.js';
export { partition, type PartitionOptions } from './partition.js';
