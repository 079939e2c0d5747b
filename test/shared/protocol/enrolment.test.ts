import { describe, expect, it } from 'vitest';
import { decodeInvitation, encodeInvitation, enrolmentMessage } from '@tutti/shared/protocol';

const key = (digit: string) => digit.repeat(64);
const withoutToken = {
  url: 'https://coordinator.example:8443',
  coordinator: key('a'),
  authority: key('b'),
  group: key('c'),
};
const invitation = { ...withoutToken, token: 'x'.repeat(22) };

describe('an invitation', () => {
  it('comes back whole, with and without a token, and through white space around it', () => {
    expect(decodeInvitation(encodeInvitation(invitation))).toEqual(invitation);
    expect(decodeInvitation(` ${encodeInvitation(withoutToken)}\n`)).toEqual(withoutToken);
  });

  it('is one word of letters, digits, hyphens and underscores', () => {
    expect(encodeInvitation(invitation)).toMatch(/^tutti-invitation-[A-Za-z0-9_-]+$/);
  });

  it.each([
    ['nothing', ''],
    ['its beginning only', encodeInvitation(invitation).slice(0, -9)],
    ['its end only', encodeInvitation(invitation).slice(20)],
    ['other JSON', `tutti-invitation-${btoa('{"url":"https://a.example"}')}`],
    ['no base64', 'tutti-invitation-%%%'],
  ])('is refused where there is %s', (_, word) => {
    expect(() => decodeInvitation(word)).toThrow(expect.objectContaining({ code: 'invitation.malformed' }));
  });

  it('is refused with an address that is not of the web', () => {
    const word = `tutti-invitation-${btoa(JSON.stringify({ ...invitation, url: 'file:///etc/passwd' }))}`;
    expect(() => decodeInvitation(word)).toThrow(expect.objectContaining({ code: 'invitation.malformed' }));
  });
});

describe('what an identity signs to enrol', () => {
  it('differs by coordinator, by identity and by token', () => {
    const messages = [
      enrolmentMessage(key('a'), key('b'), 'token-one'),
      enrolmentMessage(key('c'), key('b'), 'token-one'),
      enrolmentMessage(key('a'), key('c'), 'token-one'),
      enrolmentMessage(key('a'), key('b'), 'token-two'),
    ];
    expect(new Set(messages.map(String)).size).toBe(messages.length);
  });
});
