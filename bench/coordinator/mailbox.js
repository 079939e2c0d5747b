/** Frames between two processes, many at a time, by way of files: what carrying them costs is then within two calls, where it can be measured. */
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers';
import { deserialize, serialize } from 'node:v8';

export class Mailbox {
  #waiting = [];
  #sent = 0;

  /**
   * @param folder - that both processes see
   * @param side - a name for this end
   * @param peer - what the other process is told by: `send` and `on`, as a child process and `process` have them
   * @param received - told of each batch
   * @param around - called with what carries frames, to be measured
   */
  constructor({ folder, side, peer, received, around = (carry) => carry() }) {
    this.folder = folder;
    this.side = side;
    this.peer = peer;
    this.around = around;
    peer.on('message', (path) => received(around(() => take(path))));
  }

  /** Goes with whatever else is said in this turn of the loop. A body that several frames share is written once. */
  post(item) {
    if (this.#waiting.length === 0) setImmediate(() => this.around(() => this.#deliver()));
    this.#waiting.push(item);
  }

  #deliver() {
    const path = join(this.folder, `${this.side}-${this.#sent++}`);
    writeFileSync(path, serialize(this.#waiting));
    this.#waiting = [];
    this.peer.send(path);
  }
}

function take(path) {
  const batch = deserialize(readFileSync(path));
  rmSync(path);
  return batch;
}
