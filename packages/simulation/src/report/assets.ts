import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';

const resolvePackage = createRequire(import.meta.url).resolve;

/** What a report is made of besides its data: styles and scripts as text, to be put into the page itself. */
export interface ReportAssets {
  readonly style: string;
  readonly script: string;
}

const own = (name: string) => readFileSync(new URL(`../../assets/report/${name}`, import.meta.url), 'utf8');

/** The style that all reports share. */
export const reportStyle = (): string =>
  `${readFileSync(resolvePackage('@tutti/shared/palette.css'), 'utf8')}\n${own('report.css')}`;

/** Reads our own style and script, and uPlot (MIT licence) from its package. */
export function reportAssets(): ReportAssets {
  const uplot = (name: string) => readFileSync(resolvePackage(`uplot/${name}`), 'utf8');
  const licence = `/*! uPlot\n${uplot('LICENSE').trim()}\n*/`;
  return {
    style: `${uplot('dist/uPlot.min.css')}\n${reportStyle()}`,
    script: `${licence}\n${uplot('dist/uPlot.iife.min.js')}\n${own('report.js')}`,
  };
}
