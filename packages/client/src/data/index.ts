export { readColumn, readCsv, readHeader, type CsvOptions, type FeatureColumn, type Table } from './csv.js';
