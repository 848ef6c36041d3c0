/** Dates in the chosen language. */
import { currentLanguage } from './strings.js';

/** @param {string} time in ISO form */
export function when(time) {
  return new Date(time).toLocaleDateString(currentLanguage(), { dateStyle: 'medium' });
}
