/** The preview: frames over a WebSocket, drawn as they arrive, latest wins, at most two in flight. */
import { byId, remember, remembered } from './dom.js';
import { canBePlain, plainIn } from './plainpicture.js';
import { LastingSocket } from './sockets.js';
/** @typedef {import('./types').SeenFace} SeenFace */

const HEADER_BYTES = 24;
const KEPT_LATENCIES = 300;
const WIDEST = 1920;

export class Preview {
  /** @param {{ isAlone?: boolean }} [options] alone: neither split nor mirrored */
  constructor({ isAlone = false } = {}) {
    this.canvas = byId('preview', HTMLCanvasElement);
    this.context = /** @type {CanvasRenderingContext2D} */ (this.canvas.getContext('2d', { alpha: false }));
    this.frame = byId('frame');
    this.line = byId('split-line');
    this.splitShare = Number(remembered('split-share', 0.5));
    this.isSplit = !isAlone && Boolean(remembered('split', false));
    this.isMirrored = !isAlone && Boolean(remembered('mirror', false));
    this.isComparing = false;
    this.isExplaining = false;
    this.hasFaces = false;
    /** Called with the faces of each frame, while they are wanted. @type {(faces: SeenFace[]) => void} */
    this.onFaces = () => {};
    /** @type {number[]} */
    this.latencies = [];
    window.mien = { shown: 0, latency: { median: 0, p95: 0, count: 0 } };
    /** @type {ArrayBuffer | null} a message that waits while one is drawn */
    this.waiting = null;
    this.isDrawing = false;
    this.socket = new LastingSocket('/ws/preview', { open: () => this.wish(), message: (data) => this.take(data) });
    document.addEventListener('visibilitychange', () => this.wish());
    new ResizeObserver(() => this.resized()).observe(this.frame);
    this.dragSplit();
    this.showSplit();
    byId('fullscreen').hidden = !document.fullscreenEnabled;
  }

  /** Tells the server the wanted width, and whether the picture before is needed, too. */
  wish() {
    const pixels = Math.min(WIDEST, Math.max(320, Math.ceil((this.frame.clientWidth * devicePixelRatio) / 160) * 160));
    this.socket.send({ want: { plain: canBePlain, before: this.isSplit || this.isComparing, classes: this.isExplaining && !this.isComparing, faces: this.hasFaces, width: document.hidden || !this.frame.clientWidth ? 0 : pixels } });
  }

  /** Tells that this page shows another picture than the one that leaves. */
  get isOwnView() {
    return this.isSplit || this.isComparing || this.isExplaining;
  }

  resized() {
    clearTimeout(this.resizing);
    this.resizing = setTimeout(() => this.wish(), 200);
    this.placeLine();
  }

  /** @param {ArrayBuffer} data */
  take(data) {
    if (this.isDrawing) {
      if (this.waiting) this.acknowledge(this.waiting);
      this.waiting = data;
      return;
    }
    this.isDrawing = true;
    void this.draw(data);
  }

  /** @param {ArrayBuffer} data */
  acknowledge(data) {
    this.socket.send({ ack: new DataView(data).getUint32(0, true) });
  }

  /** @param {ArrayBuffer} data */
  async draw(data) {
    const view = new DataView(data);
    const capture = view.getFloat64(8, true);
    const [facesBytes, afterBytes, beforeBytes] = [view.getUint32(4, true), view.getUint32(16, true), view.getUint32(20, true)];
    try {
      const after = await picture(data, HEADER_BYTES, afterBytes);
      const before = beforeBytes ? await picture(data, HEADER_BYTES + afterBytes, beforeBytes) : null;
      this.paint(after, before);
      if (facesBytes) this.onFaces(JSON.parse(new TextDecoder().decode(new Uint8Array(data, HEADER_BYTES + afterBytes + beforeBytes, facesBytes))));
      const drawn = performance.timeOrigin + performance.now();
      this.note(drawn - capture);
      window.mien.shown += 1;
      window.mien.onframe?.({ sequence: view.getUint32(0, true), capture, drawn });
    } catch {
      // A picture that cannot be decoded is left out; the next one comes soon.
    }
    this.acknowledge(data);
    const next = this.waiting;
    this.waiting = null;
    if (next) void this.draw(next);
    else this.isDrawing = false;
  }

  /** @param {ImageBitmap | VideoFrame} after @param {ImageBitmap | VideoFrame | null} before */
  paint(after, before) {
    const { canvas, context } = this;
    const [width, height] = sizeOf(after);
    if (canvas.width !== width || canvas.height !== height) {
      [canvas.width, canvas.height] = [width, height];
      this.placeLine();
    }
    context.setTransform(this.isMirrored ? -1 : 1, 0, 0, 1, this.isMirrored ? width : 0, 0);
    const isBeforeAlone = this.isComparing || this.isExplaining;
    context.drawImage(isBeforeAlone && before ? before : after, 0, 0);
    if (this.isSplit && before && !isBeforeAlone) {
      // The picture as it was lies on the left of what is seen, mirrored or not.
      const edge = Math.round(this.splitShare * width);
      const from = this.isMirrored ? width - edge : 0;
      if (edge > 0) context.drawImage(before, from, 0, edge, height, from, 0, edge, height);
    }
    after.close();
    before?.close();
  }

  /** @param {number} latency */
  note(latency) {
    this.latencies.push(latency);
    if (this.latencies.length > KEPT_LATENCIES) this.latencies.shift();
    const sorted = [...this.latencies].sort((a, b) => a - b);
    const at = (/** @type {number} */ share) => sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0;
    window.mien.latency = { median: at(0.5), p95: at(0.95), count: sorted.length };
  }

  /** @param {boolean} on */
  compare(on) {
    if (this.isComparing === on) return;
    this.isComparing = on;
    this.wish();
  }

  /** Shows, on this page alone, what the parser sees before the face. */
  toggleClasses() {
    this.isExplaining = !this.isExplaining;
    byId('classes').setAttribute('aria-pressed', String(this.isExplaining));
    byId('class-key').hidden = !this.isExplaining;
    this.wish();
  }

  /** Asks for the places and numbers of the faces, too. @param {boolean} on */
  showFaces(on) {
    this.hasFaces = on;
    this.wish();
  }

  toggleSplit() {
    this.isSplit = !this.isSplit;
    remember('split', this.isSplit);
    this.showSplit();
    this.wish();
  }

  toggleMirror() {
    this.isMirrored = !this.isMirrored;
    remember('mirror', this.isMirrored);
    byId('mirror').setAttribute('aria-pressed', String(this.isMirrored));
    this.wish();
  }

  toggleFullscreen() {
    if (document.fullscreenElement) void document.exitFullscreen();
    else void this.frame.requestFullscreen?.().catch(() => undefined);
  }

  showSplit() {
    byId('split').setAttribute('aria-pressed', String(this.isSplit));
    byId('mirror').setAttribute('aria-pressed', String(this.isMirrored));
    this.line.hidden = !this.isSplit;
    this.placeLine();
  }

  /** The place of the picture in its frame: it is fitted whole, with bars at the sides or above and below. */
  pictureBox() {
    const [width, height] = [this.frame.clientWidth, this.frame.clientHeight];
    const scale = Math.min(width / this.canvas.width, height / this.canvas.height);
    const [seenWidth, seenHeight] = [scale * this.canvas.width, scale * this.canvas.height];
    return { left: (width - seenWidth) / 2, top: (height - seenHeight) / 2, width: seenWidth, height: seenHeight };
  }

  placeLine() {
    const box = this.pictureBox();
    this.line.style.left = `${box.left + this.splitShare * box.width}px`;
    this.line.setAttribute('aria-valuenow', String(Math.round(100 * this.splitShare)));
  }

  /** @param {number} share */
  moveSplit(share) {
    this.splitShare = Math.min(1, Math.max(0, share));
    remember('split-share', this.splitShare);
    this.placeLine();
  }

  dragSplit() {
    this.line.addEventListener('pointerdown', (event) => this.line.setPointerCapture(event.pointerId));
    this.line.addEventListener('pointermove', (event) => {
      if (!this.line.hasPointerCapture(event.pointerId)) return;
      const box = this.pictureBox();
      this.moveSplit((event.clientX - this.frame.getBoundingClientRect().left - box.left) / box.width);
    });
    this.line.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -0.02, ArrowRight: 0.02, PageDown: -0.1, PageUp: 0.1, Home: -1, End: 1 }[event.key];
      if (step === undefined) return;
      event.preventDefault();
      this.moveSplit(this.splitShare + step);
    });
  }
}

/** @param {ImageBitmap | VideoFrame} picture @returns {[number, number]} */
function sizeOf(picture) {
  return 'codedWidth' in picture ? [picture.codedWidth, picture.codedHeight] : [picture.width, picture.height];
}

/** @param {ArrayBuffer} data @param {number} from @param {number} length */
function picture(data, from, length) {
  const bytes = new Uint8Array(data, from, length);
  return plainIn(bytes) ?? createImageBitmap(new Blob([bytes], { type: 'image/jpeg' }));
}
