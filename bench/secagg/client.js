/** One client, in a process of its own: nothing that it checks or agrees on was checked or agreed on before by another. */
import { SecAggParticipant } from '@tutti/shared/secagg';
import { peak, startPeak, timed, Times } from './measure.js';
import { answer } from './party.js';
import { participantOptions, vectorOf } from './setting.js';

let participant;
let vector;
let base;
const times = new Times();

const verbs = {
  open({ setting, member }) {
    participant = new SecAggParticipant(participantOptions(setting, member));
    vector = vectorOf(setting.parameters.dimension);
    base = startPeak();
  },

  /** The whole answer to a message, masking included. */
  async receive({ message, phase, now }) {
    const answered = await timed(() => participant.receive(message, now));
    times.add(phase, answered);
    if (!answered.value.some(({ kind }) => kind === 'encode')) return answered.value;
    const masked = await timed(() => participant.provide(vector));
    times.add(phase, masked);
    times.add('masking', masked);
    return [...answered.value, ...masked.value];
  },

  figures() {
    const { masking, ...phases } = times.seconds;
    return { phases, masking, memory: peak() - base, state: participant.phase };
  },
};

answer(({ verb, ...rest }) => verbs[verb](rest));
