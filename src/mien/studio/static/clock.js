/** Times of a film as people write them. */

/** @param {number} seconds as minutes, seconds and tenths, with hours where there are any */
export function clock(seconds) {
  const tenths = Math.floor(10 * seconds + 1e-6);
  const minutes = Math.floor(tenths / 600), rest = ((tenths % 600) / 10).toFixed(1).padStart(4, '0');
  return minutes < 60 ? `${minutes}:${rest}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, '0')}:${rest}`;
}

/** The seconds of a text such as 12, 0:12.5 or 1:02:03; NaN for anything else. @param {string} text */
export function secondsOf(text) {
  const parts = text.trim().replace(',', '.').split(':');
  if (parts.length > 3 || !parts.every((part) => /^\d+(\.\d*)?$/.test(part))) return NaN;
  return parts.reduce((total, part) => 60 * total + Number(part), 0);
}
