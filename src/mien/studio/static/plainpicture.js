/** Pictures that are not compressed, on their way within one machine: a header, then the planes of 4:2:0. */

const PLAIN_HEADER_BYTES = 12;
/** Numbers of ITU-T H.273, by the browser's names for them. @type {Record<string, number>} */
const MATRICES = { bt709: 1, bt470bg: 5, smpte170m: 6, 'bt2020-ncl': 9 };
const LAYOUTS = ['I420', 'NV12'];

/** True where the studio runs on this machine, and the browser lets a page read and make pictures. */
export const canBePlain = 'VideoFrame' in window && ['localhost', '127.0.0.1', '[::1]'].includes(location.hostname);

/** The bytes of a frame behind `head` bytes that are left free; null where its layout is another. @param {VideoFrame} frame @param {number} head @returns {Promise<Uint8Array<ArrayBuffer> | null>} */
export async function plainOf(frame, head) {
  const { visibleRect: seen, colorSpace: space } = frame;
  if (!LAYOUTS.includes(frame.format ?? '') || !seen || seen.width % 2 || seen.height % 2) return null;
  const matrix = MATRICES[space.matrix ?? ''] ?? (seen.height > 576 ? MATRICES.bt709 : MATRICES.smpte170m) ?? 1;
  const start = head + PLAIN_HEADER_BYTES;
  const message = new Uint8Array(start + frame.allocationSize());
  message.set(new TextEncoder().encode(/** @type {string} */ (frame.format)), head);
  const view = new DataView(message.buffer, head);
  view.setUint16(4, seen.width, true);
  view.setUint16(6, seen.height, true);
  view.setUint8(8, matrix);
  view.setUint8(9, space.fullRange ? 1 : 0);
  await frame.copyTo(message.subarray(start));
  return message;
}

/** The picture in these bytes, null when they are compressed. @param {Uint8Array<ArrayBuffer>} bytes */
export function plainIn(bytes) {
  if (String.fromCharCode(...bytes.subarray(0, 4)) !== 'I420') return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  return new VideoFrame(bytes.subarray(PLAIN_HEADER_BYTES), {
    format: 'I420', codedWidth: view.getUint16(4, true), codedHeight: view.getUint16(6, true), timestamp: 0,
    colorSpace: { matrix: 'smpte170m', primaries: 'bt709', transfer: 'iec61966-2-1', fullRange: true },
  });
}
