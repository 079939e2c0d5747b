import type { OnMains } from '../policy/power.js';

/** Whether this machine is on mains power: always, where it has no battery. The library that knows is loaded when it is asked for the first time. */
export const machineOnMains: OnMains = async () => {
  const { battery } = await import('systeminformation');
  const { hasBattery, acConnected } = await battery();
  return !hasBattery || acConnected;
};
