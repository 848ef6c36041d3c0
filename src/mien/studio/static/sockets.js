/** A WebSocket that reopens, with growing pauses, whenever it is closed. */

const FIRST_PAUSE = 400;
const LONGEST_PAUSE = 8000;

export class LastingSocket {
  /**
   * @param {string} path
   * @param {{ open?: () => void, message: (data: any) => void, down?: (code: number) => void }} listeners
   */
  constructor(path, listeners) {
    this.path = path;
    this.listeners = listeners;
    this.pause = FIRST_PAUSE;
    /** @type {WebSocket | null} */
    this.socket = null;
    this.connect();
  }

  connect() {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${this.path}`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      this.pause = FIRST_PAUSE;
      this.listeners.open?.();
    };
    socket.onmessage = (event) => this.listeners.message(event.data);
    socket.onclose = (event) => {
      this.socket = null;
      this.listeners.down?.(event.code);
      setTimeout(() => this.connect(), this.pause);
      this.pause = Math.min(2 * this.pause, LONGEST_PAUSE);
    };
    this.socket = socket;
  }

  /** @param {object} message */
  send(message) {
    if (this.socket?.readyState === WebSocket.OPEN) this.socket.send(JSON.stringify(message));
  }
}
