import { once } from 'node:events';
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** One address that leads to several coordinators, each connection to the next one that takes it: what a name with several addresses, or a plain balancer, does. */
export class SharedName {
  private readonly ports: number[] = [];
  private readonly sockets = new Set<Socket>();
  private turn = 0;

  private constructor(private readonly server: Server) {
    server.on('connection', (socket) => {
      this.keep(socket);
      this.lead(socket, this.ports.length);
    });
  }

  static async create(): Promise<SharedName> {
    const server = createServer({ allowHalfOpen: false }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new SharedName(server);
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  add(url: string): void {
    this.ports.push(Number(new URL(url).port));
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  private lead(socket: Socket, tries: number): void {
    const port = this.ports[this.turn++ % Math.max(1, this.ports.length)];
    if (port === undefined || tries === 0) {
      socket.destroy();
      return;
    }
    const onward = connect(port, '127.0.0.1');
    onward.once('error', () => this.lead(socket, tries - 1));
    onward.once('connect', () => {
      onward.removeAllListeners('error');
      this.keep(onward);
      onward.once('close', () => socket.destroy());
      socket.once('close', () => onward.destroy());
      socket.pipe(onward).pipe(socket);
    });
  }

  private keep(socket: Socket): void {
    this.sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => this.sockets.delete(socket));
  }
}
