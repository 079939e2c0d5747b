import { protectionOf, type AccountantName, type PrivacyEvent } from '@tutti/shared/privacy';

/** `ε = 2.387 at δ = 1e-5`; rounded upwards, since it is a bound. */
export function guarantee(epsilon: number, delta: number): string {
  return `ε = ${roundedUp(epsilon)} at δ = ${roundedUp(delta)}`;
}

/** A number to four significant digits, never below it. */
export function roundedUp(value: number): string {
  if (value === 0 || !Number.isFinite(value)) return value === 0 ? '0' : '∞';
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 3);
  // Up to the last bits, in which a decimal number and its double differ.
  return String(Number((Math.ceil(value / unit - 1e-9) * unit).toPrecision(4)));
}

/** A number to four significant digits, never above it. */
export function roundedDown(value: number): string {
  if (value === 0) return '0';
  const unit = 10 ** (Math.floor(Math.log10(Math.abs(value))) - 3);
  return String(Number((Math.floor(value / unit + 1e-9) * unit).toPrecision(4)));
}

const accountants: Readonly<Record<AccountantName, string>> = {
  rdp: 'Rényi differential privacy (an upper bound)',
  pld: 'privacy loss distribution (an upper bound, tight to about 0.01 %)',
  exact: 'closed form (exact)',
};

const relations = {
  'add-or-remove': 'is there or not',
  'zero-out': 'contributes, or contributes zero',
  'replace-one': 'is exchanged for another (twice the sensitivity)',
} as const;

/** What is protected, and who counted. */
export function terms(event: PrivacyEvent, accountant: AccountantName): readonly string[] {
  const protection = protectionOf([event]);
  return [
    ...(protection === undefined
      ? []
      : [
          `Protects one ${protection.unit}: neighbouring data differ in whether it ${relations[protection.relation]}.`,
        ]),
    ...(isSampled(event)
      ? [
          'Counts on the sample being secret; against whoever knows it (a coordinator), sampling protects nobody.',
        ]
      : []),
    `Counted by ${accountant}: ${accountants[accountant]}.`,
  ];
}

function isSampled(event: PrivacyEvent): boolean {
  if (event.kind === 'composed') return event.events.some(isSampled);
  if (event.kind === 'repeated') return isSampled(event.event);
  return event.kind === 'poisson-sampled' || event.kind === 'sampled-without-replacement';
}
