import type { Channel, ChannelHandler, Frame } from '@tutti/shared/protocol';

/** How a party takes in a new channel. */
export type Accept = (channel: Channel) => ChannelHandler;

/**
 * Joins two parties of one process. Frames arrive in order, each in a task of its own as from a network, never inside the
 * sender's call; headers pass through JSON, so that nothing crosses that a wire would not carry. What was sent before the
 * channel closed still arrives.
 */
export function connectInMemory(server: Accept, client: Accept): void {
  let open = true;
  const ends: { server?: ChannelHandler; client?: ChannelHandler } = {};
  const later = (action: () => void) => void setImmediate(action);
  const close = () => {
    if (!open) return;
    open = false;
    later(() => {
      ends.server?.closed();
      ends.client?.closed();
    });
  };
  const towards = (end: 'server' | 'client'): Channel => ({
    send: ({ header, body }: Frame) => {
      if (!open) return;
      const arrived = { header: JSON.parse(JSON.stringify(header)) as unknown, body };
      later(() => ends[end]?.receive(arrived));
    },
    close,
  });
  ends.client = client(towards('server'));
  ends.server = server(towards('client'));
}
