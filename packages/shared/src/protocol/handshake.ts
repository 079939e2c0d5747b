import { attributesBytes, type Attributes } from './about.js';

const LABEL = new TextEncoder().encode('tutti-hello-v1\0');

/**
 * What a client signs to open a session: the coordinator's nonce, the coordinator and itself, under a label of its own, so
 * that the signature opens this session with this coordinator and nothing else. All three are 32 bytes. What it says of itself follows, where it says something.
 */
export function helloMessage(
  nonce: Uint8Array,
  coordinator: Uint8Array,
  identity: Uint8Array,
  attributes?: Attributes,
): Uint8Array {
  const said = attributes === undefined ? new Uint8Array(0) : attributesBytes(attributes);
  const message = new Uint8Array(LABEL.length + 96 + said.length);
  message.set(LABEL);
  message.set(nonce, LABEL.length);
  message.set(coordinator, LABEL.length + 32);
  message.set(identity, LABEL.length + 64);
  message.set(said, LABEL.length + 96);
  return message;
}
