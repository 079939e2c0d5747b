export { readCsv, type CsvOptions, type FeatureColumn, type Table } from './csv.js';
