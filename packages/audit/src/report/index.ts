import { readFileSync } from 'node:fs';
import { duration, markup, page, reportStyle, type Markup } from '@tutti/simulation/report';
import type { AuditReport } from './audit-report.js';
import { attackSections } from './attack-sections.js';
import { verdictSection } from './verdict-section.js';

export type { AuditReport } from './audit-report.js';

/** The report of an audit as one HTML file that asks the network for nothing and runs no script. */
export function renderAudit(report: AuditReport): string {
  const body = markup`<main>
    ${header(report)} ${report.oneRun === undefined ? undefined : verdictSection(report.oneRun)}
    ${report.attacks === undefined ? undefined : attackSections(report.attacks)}
    <footer><p>Made by ${report.software}. This file asks the network for nothing.</p></footer>
  </main>`;
  return page(`Audit of ${report.job} · Tutti`, body, `${reportStyle()}\n${auditStyle()}`);
}

function header({ job, purpose, run, made, seeded, seconds }: AuditReport): Markup {
  return markup`<header>
    <p class="brand">tutti</p>
    <h1>Audit of ${job}</h1>
    <p class="purpose">${purpose}</p>
    <p class="run">
      ${run === undefined ? 'One-run audit' : markup`Attacks on the run <code>${run}</code>`} <span>${made}</span>
      <span>${duration(seconds)}</span>${seeded ? markup` <span class="warning">seeded</span>` : undefined}
    </p>
  </header>`;
}

const auditStyle = () => readFileSync(new URL('../../assets/audit.css', import.meta.url), 'utf8');
