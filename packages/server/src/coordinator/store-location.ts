import { openStore, type Store } from '../store/index.js';
import { located, type LocatedSettings } from './settings.js';

/** Opens the store that the settings name. Throws as {@link openStore} does. */
export function openLocatedStore(location: LocatedSettings): Promise<Store> {
  const { store } = location.settings;
  return openStore(/^postgres(ql)?:\/\//.test(store) ? store : located(location, store));
}
