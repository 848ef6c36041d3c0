/** Sends the camera of this browser: plain within one machine, H.264 by WebCodecs where it can, JPEG otherwise; at most two frames in flight. */
import { ApiError } from './api.js';
import { canBePlain, plainOf } from './plainpicture.js';
import { t } from './strings.js';

const IN_FLIGHT = 2;
/** A frame that is not acknowledged in this time is given up: the server dropped it, or was suspended. */
const GIVEN_UP_MS = 2000;
const KEY_EVERY_MS = 2000;
const HEADER_BYTES = 16;
const [H264_KEY, H264_DELTA, JPEG, PLAIN] = [1, 2, 3, 4];
/** Frames are compressed once this many more take longer than take less: the way to the server is slow. */
const SLOW_MS = 200, MANY_SLOW = 10;
/** The largest frame that is sent plain: its message stays under the server's limit. */
const MOST_PLAIN_PIXELS = 1920 * 1088;

export class BrowserCamera {
  /** @param {(error: ApiError | null) => void} ended called when it stops by itself */
  constructor(ended) {
    this.ended = ended;
    this.isRunning = false;
    this.starts = 0;
    this.sequence = 0;
    /** When each frame was sent, by its number. @type {Map<number, number>} */
    this.inFlight = new Map();
    /** @type {Map<number, number>} capture times in ms since the epoch, by the timestamp given to the encoder */
    this.captures = new Map();
    this.wantsKey = true;
    this.lastKey = 0;
    this.canvas = document.createElement('canvas');
    this.slowFrames = 0;
  }

  /** @param {number} width @param {number} height */
  async start(width, height) {
    this.stop();
    this.isRunning = true;
    const mine = this.starts;
    try {
      const wanted = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
      const stream = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
      if (mine !== this.starts) {
        // It was stopped, or started again, while the browser asked for permission.
        stream.getTracks().forEach((each) => each.stop());
        return;
      }
      this.stream = stream;
      const track = /** @type {MediaStreamTrack} */ (stream.getVideoTracks()[0]);
      track.addEventListener('ended', () => this.fail(new ApiError(0, { error: t('camera_gone'), remedy: t('camera_gone_remedy') })));
      this.width = track.getSettings().width ?? width;
      this.height = track.getSettings().height ?? height;
      await this.prepareEncoder();
      if (mine !== this.starts) return;
      this.connect();
      if (window.MediaStreamTrackProcessor) void this.readTrack(track);
      else this.readVideo();
    } catch (error) {
      if (mine === this.starts) this.fail(cameraError(error));
    }
  }

  stop() {
    this.starts += 1;
    this.isRunning = false;
    this.socket?.close();
    this.stream?.getTracks().forEach((track) => track.stop());
    if (this.encoder && this.encoder.state !== 'closed') this.encoder.close();
    void this.reader?.cancel().catch(() => undefined);
    this.encoder = undefined;
    this.inFlight.clear();
    this.captures.clear();
  }

  /** @param {ApiError | null} error */
  fail(error) {
    if (!this.isRunning) return;
    this.stop();
    this.ended(error);
  }

  async prepareEncoder() {
    this.encoder = undefined;
    if (!('VideoEncoder' in window)) return;
    const level = (this.width ?? 0) * (this.height ?? 0) > 1280 * 720 ? '28' : '1f';
    const config = /** @type {VideoEncoderConfig} */ ({
      codec: `avc1.4200${level}`, width: (this.width ?? 0) & ~1, height: (this.height ?? 0) & ~1, framerate: 30, latencyMode: 'realtime',
      bitrate: Math.round((6_000_000 * (this.width ?? 1280) * (this.height ?? 720)) / (1280 * 720)), avc: { format: 'annexb' },
    });
    const support = await VideoEncoder.isConfigSupported(config).catch(() => null);
    if (!support?.supported) return;
    this.encoder = new VideoEncoder({ output: (chunk) => this.sendChunk(chunk), error: () => this.encoderFailed() });
    this.encoder.configure(config);
  }

  /** Falls back to JPEG; frames that the encoder has taken never come and must not count as in flight. */
  encoderFailed() {
    this.encoder = undefined;
    this.captures.clear();
  }

  connect() {
    const socket = new WebSocket(`${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}/ws/camera`);
    socket.binaryType = 'arraybuffer';
    socket.onopen = () => {
      socket.send(JSON.stringify({ codec: this.encoder ? 'h264' : 'jpeg', width: this.width, height: this.height }));
      this.inFlight.clear();
      this.wantsKey = true;
    };
    socket.onmessage = (event) => {
      if (this.socket !== socket) return;
      const message = JSON.parse(event.data);
      if (message.ack !== undefined) this.acknowledged(message.ack);
      if (message.key) this.wantsKey = true;
      if (message.state === 'taken') this.fail(new ApiError(0, { code: 'taken', error: t('camera_taken'), remedy: t('camera_taken_remedy') }));
    };
    socket.onclose = () => {
      if (this.isRunning && this.socket === socket) setTimeout(() => this.isRunning && this.connect(), 800);
    };
    this.socket = socket;
  }

  /** @param {number} sequence */
  acknowledged(sequence) {
    const sent = this.inFlight.get(sequence);
    // A frame that was given up has been counted then.
    if (this.inFlight.delete(sequence) && sent !== undefined) this.noteWay(performance.timeOrigin + performance.now() - sent > SLOW_MS);
  }

  /** @param {boolean} isSlow */
  noteWay(isSlow) {
    if (!this.isPlain) return;
    this.slowFrames = Math.max(0, this.slowFrames + (isSlow ? 1 : -1));
    if (!this.isPlain) this.wantsKey = true;
  }

  /** Tells that frames leave as they are. A tunnel to another machine looks like this one, but is slower. */
  get isPlain() {
    return canBePlain && this.slowFrames < MANY_SLOW && (this.width ?? 0) * (this.height ?? 0) <= MOST_PLAIN_PIXELS;
  }

  /** Forgets frames that wait for too long, so that the page never stops sending for good. */
  giveUp() {
    const oldest = performance.timeOrigin + performance.now() - GIVEN_UP_MS;
    for (const waiting of [this.inFlight, this.captures]) {
      for (const [key, since] of waiting) {
        if (since > oldest) continue;
        waiting.delete(key);
        this.wantsKey = true;
        if (waiting === this.inFlight) this.noteWay(true);
      }
    }
  }

  get mayEncode() {
    this.giveUp();
    // What lies in the browser's own buffer has not left yet: more would only be late.
    if (this.socket?.bufferedAmount) return false;
    const waiting = (this.encoder?.encodeQueueSize ?? 0) > 1;
    return this.socket?.readyState === WebSocket.OPEN && this.inFlight.size + this.captures.size < IN_FLIGHT && !waiting;
  }

  /** @param {MediaStreamTrack} track */
  async readTrack(track) {
    this.reader = new window.MediaStreamTrackProcessor({ track, maxBufferSize: 1 }).readable.getReader();
    while (this.isRunning) {
      const { value: frame, done } = await this.reader.read();
      if (done) break;
      await this.encode(frame);
      frame.close();
    }
  }

  readVideo() {
    const video = document.createElement('video');
    video.muted = true;
    video.srcObject = this.stream ?? null;
    void video.play();
    const next = async () => {
      if (!this.isRunning) return;
      if (this.encoder) {
        const frame = new VideoFrame(video);
        await this.encode(frame);
        frame.close();
      } else await this.encode(video);
      video.requestVideoFrameCallback(() => void next());
    };
    video.requestVideoFrameCallback(() => void next());
  }

  /** @param {any} picture a VideoFrame or a video element */
  async encode(picture) {
    if (!this.mayEncode) return;
    const now = performance.timeOrigin + performance.now();
    const plain = this.isPlain && picture instanceof VideoFrame ? await plainOf(picture, HEADER_BYTES).catch(() => null) : null;
    if (plain) {
      this.send(plain, PLAIN, now);
      // The decoder has not seen the frames between.
      this.wantsKey = true;
      return;
    }
    if (!this.encoder) {
      await this.sendJpeg(picture, now);
      return;
    }
    const keyFrame = this.wantsKey || now - this.lastKey > KEY_EVERY_MS;
    if (keyFrame) [this.wantsKey, this.lastKey] = [false, now];
    this.captures.set(picture.timestamp, now);
    try {
      this.encoder.encode(picture, { keyFrame });
    } catch {
      this.captures.delete(picture.timestamp);
      await this.prepareEncoder();
      this.wantsKey = true;
    }
  }

  /** @param {EncodedVideoChunk} chunk */
  sendChunk(chunk) {
    const capture = this.captures.get(chunk.timestamp) ?? Date.now();
    this.captures.delete(chunk.timestamp);
    const message = new Uint8Array(HEADER_BYTES + chunk.byteLength);
    chunk.copyTo(message.subarray(HEADER_BYTES));
    this.send(message, chunk.type === 'key' ? H264_KEY : H264_DELTA, capture);
  }

  /** @param {any} picture @param {number} capture */
  async sendJpeg(picture, capture) {
    const { canvas } = this;
    canvas.width = picture.displayWidth ?? picture.videoWidth;
    canvas.height = picture.displayHeight ?? picture.videoHeight;
    canvas.getContext('2d')?.drawImage(picture, 0, 0);
    const blob = await new Promise((/** @type {(blob: Blob | null) => void} */ done) => canvas.toBlob(done, 'image/jpeg', 0.8));
    if (!blob) return;
    const message = new Uint8Array(HEADER_BYTES + blob.size);
    message.set(new Uint8Array(await blob.arrayBuffer()), HEADER_BYTES);
    this.send(message, JPEG, capture);
  }

  /** @param {Uint8Array} message @param {number} kind @param {number} capture */
  send(message, kind, capture) {
    if (this.socket?.readyState !== WebSocket.OPEN) return;
    this.sequence += 1;
    const view = new DataView(message.buffer);
    view.setUint8(0, kind);
    view.setUint32(4, this.sequence, true);
    view.setFloat64(8, capture, true);
    this.inFlight.set(this.sequence, performance.timeOrigin + performance.now());
    this.socket.send(message);
  }
}

/** Describes the browser's camera error in the words of the page. @param {unknown} error */
export function cameraError(error) {
  const name = error instanceof Error ? error.name : '';
  const what = { NotFoundError: 'camera_missing', OverconstrainedError: 'camera_missing', NotReadableError: 'camera_busy', AbortError: 'camera_busy' }[name] ?? 'camera_denied';
  const where = what === 'camera_denied' && isSecureContext ? `_${browserName()}` : '';
  return new ApiError(0, { error: t(what), remedy: t(`${what}_remedy${where}`) });
}

/** The family of this browser, as far as it matters where its permissions are. @returns {'firefox' | 'safari' | 'chromium'} */
function browserName() {
  const agent = navigator.userAgent;
  if (agent.includes('Firefox/')) return 'firefox';
  return agent.includes('Safari/') && !agent.includes('Chrom') ? 'safari' : 'chromium';
}
