import { randomBytes } from '../../crypto/random.js';
import { signLabelled } from '../labels.js';
import { advertContent, decodeRoundOpen, encodeAdvert } from '../messages/advertise.js';
import { commitSeed } from '../round-context.js';
import { hashRoundParameters } from '../round-parameters.js';
import { requireSignature, send, type Environment, type Step } from './environment.js';
import { checkParameters } from './policy.js';

/** R0: the round is what this client expects and allows, so it marks the number as joined and sends fresh keys for this round alone. */
export async function advertise(environment: Environment, body: Uint8Array, now: number): Promise<Step> {
  const { primitives, random, secrets, identity, certificate, coordinator } = environment;
  const { encodedParameters, parameters, signature } = decodeRoundOpen(body);
  await requireSignature(environment, coordinator, signature, 'params', encodedParameters);
  checkParameters(parameters, environment.expected, environment.policy, {
    now,
    highestRound: environment.highestRound,
    attempts: environment.attempts,
    revocationVersion: environment.revocations?.version ?? 0,
    beacon: environment.beacon,
  });
  const parametersHash = hashRoundParameters(primitives, encodedParameters);
  const sealing = await primitives.agreementKeyPair(random);
  const masking = await primitives.agreementKeyPair(random);
  secrets.keep(sealing.secretKey);
  secrets.keep(masking.secretKey);
  const reveals = parameters.graphMode === 'ring-reveal';
  const seedShare = reveals ? secrets.keep(randomBytes(random, 32)) : new Uint8Array(32);
  const content = advertContent({
    parametersHash,
    identity: identity.publicKey,
    sealingKey: sealing.publicKey,
    maskingKey: masking.publicKey,
    seedCommitment: reveals ? commitSeed(primitives, seedShare) : new Uint8Array(32),
    certificate,
  });
  const advert = encodeAdvert(content, await signLabelled(primitives, identity.secretKey, 'advert', content));
  return {
    state: { phase: 'advertised', parameters, parametersHash, sealing, masking, seedShare, advert },
    effects: [{ kind: 'persist-mark', roundNumber: parameters.roundNumber }, send('advert', advert)],
  };
}
