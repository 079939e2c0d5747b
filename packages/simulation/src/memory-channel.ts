import type { Channel, ChannelHandler, Frame } from '@tutti/shared/protocol';

/** How a party takes in a new channel. */
export type Accept = (channel: Channel) => ChannelHandler;

/**
 * Joins two parties of one process. Frames arrive in order, each in a task of its own as from a network, never inside the
 * sender's call; headers pass through JSON, so that nothing crosses that a wire would not carry.
 */
export function connectInMemory(server: Accept, client: Accept): void {
  let open = true;
  const ends: { server?: ChannelHandler; client?: ChannelHandler } = {};
  const later = (action: () => void) => void setImmediate(action);
  const copy = ({ header, body }: Frame): Frame => ({ header: JSON.parse(JSON.stringify(header)) as unknown, body });
  const close = () => {
    if (!open) return;
    open = false;
    later(() => {
      ends.server?.closed();
      ends.client?.closed();
    });
  };
  const towards = (end: 'server' | 'client'): Channel => ({
    send: (sent) => {
      if (!open) return;
      const arrived = copy(sent);
      // What was sent before the connection closed still arrives: as with a socket that is closed in good order.
      later(() => ends[end]?.receive(arrived));
    },
    close,
  });
  ends.client = client(towards('server'));
  ends.server = server(towards('client'));
}
