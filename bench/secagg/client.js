/**
 * One client's part of a round once more, in a process of its own: nothing that it checks or agrees on was checked or agreed on before by
 * another, and no code is warm. It draws what it drew then, so that it must say what it said then, byte for byte.
 */
import { Buffer } from 'node:buffer';
import { SecAggParticipant } from '@tutti/shared/secagg';
import { peak, startPeak, timed, Times } from './measure.js';
import { answer } from './party.js';
import { participantOptions, vectorOf } from './setting.js';

answer(async ({ setting, member, draws, heard, said }) => {
  const drawn = draws.values();
  const random = {
    kind: 'system',
    fill(bytes) {
      bytes.set(drawn.next().value);
      return bytes;
    },
  };
  const participant = new SecAggParticipant({ ...participantOptions(setting, member), random });
  const vector = vectorOf(setting.parameters.dimension);
  const base = startPeak();
  const times = new Times();
  const expected = said.values();
  const check = (effects) => {
    for (const { message } of effects.filter(({ kind }) => kind === 'send')) {
      if (Buffer.compare(message.body, expected.next().value) !== 0)
        throw new Error(`Another ${message.type}`);
    }
  };
  let masking = 0;
  for (const { message, phase } of heard) {
    const answered = await timed(() => participant.receive(message, setting.now));
    times.add(phase, answered);
    check(answered.value);
    if (!answered.value.some(({ kind }) => kind === 'encode')) continue;
    const masked = await timed(() => participant.provide(vector));
    times.add(phase, masked);
    masking = masked.cpu;
    check(masked.value);
  }
  if (participant.phase !== 'finished') throw new Error('The client did not finish');
  return { phases: times.seconds, masking, memory: peak() - base };
});
