import type { CoordinatorEvent } from '../api/schemas.js';

/** Hands every event to whoever listens at the moment. */
export class EventFeed {
  private readonly listeners = new Set<(event: CoordinatorEvent) => void>();

  readonly publish = (event: CoordinatorEvent): void => {
    for (const listener of this.listeners) listener(event);
  };

  readonly subscribe = (listener: (event: CoordinatorEvent) => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };
}
