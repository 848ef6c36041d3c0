/** Every word of the page, in every language. The names of settings and choices come from here too. */
import { remember, remembered } from './dom.js';
import de from './strings/de.js';
import en from './strings/en.js';

/** @type {Record<string, Record<string, string>>} */
const STRINGS = { en, de };

const usual = navigator.language.slice(0, 2) in STRINGS ? navigator.language.slice(0, 2) : 'en';
let language = String(remembered('language', usual));
if (!(language in STRINGS)) language = 'en';

/** The text of a key. @param {string} key @param {Record<string, any>} [values] replace `{name}` @param {string} [otherwise] for a missing key @returns {string} */
export function t(key, values = {}, otherwise) {
  const text = STRINGS[language]?.[key] ?? STRINGS.en?.[key] ?? otherwise ?? key.replace(/^(set|choice|state|consent)_/, '');
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? '–'));
}

/** @returns {[string, string][]} codes and names */
export function languages() {
  return Object.entries(STRINGS).map(([code, words]) => [code, words._name ?? code]);
}

export function currentLanguage() {
  return language;
}

/** A number as the chosen language writes it. @param {number} value @param {number} least digits after the comma @param {number} [most] */
export function decimal(value, least, most = least) {
  return value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: most, useGrouping: false });
}

/** @param {string} code */
export function chooseLanguage(code) {
  language = code;
  remember('language', code);
  translatePage();
}

/** Fills in all elements that name a key in data-t or data-t-label. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.getAttribute('data-t') ?? '');
  for (const element of document.querySelectorAll('[data-t-label]')) {
    const words = t(element.getAttribute('data-t-label') ?? '');
    element.setAttribute('aria-label', words);
    if (element instanceof HTMLButtonElement) element.title = words;
    if (element instanceof HTMLInputElement && !element.placeholder) element.placeholder = words;
  }
}
