/** Every word of the page, in the chosen language. The names of settings and choices come from here too. */
import { remember, remembered } from './dom.js';

/** Languages and their own names; the words of each are in strings/CODE.js, and in strings/later/CODE.js those that few visits need. @type {Record<string, string>} */
const LANGUAGES = { en: 'English', de: 'Deutsch', fr: 'Français', es: 'Español', pt: 'Português', zh: '中文' };

const usual = navigator.language.slice(0, 2) in LANGUAGES ? navigator.language.slice(0, 2) : 'en';
let language = String(remembered('language', usual));
if (!(language in LANGUAGES)) language = 'en';
/** @type {Record<string, string>} */
let strings = await load(language);
/** The language whose later words are there, too. */
let complete = '';

/** @param {string} code @returns {Promise<Record<string, string>>} */
async function load(code) {
  return (await import(`./strings/${code}.js`)).default;
}

/** Adds the words of errors and of dialogs that are loaded late. */
export async function loadLater() {
  while (complete !== language) {
    const code = language, words = await load(`later/${code}`);
    if (code === language) [complete, strings] = [code, { ...strings, ...words }];
  }
}

export function hasLater() {
  return complete === language;
}

/** The text of a key. @param {string} key @param {Record<string, any>} [values] replace `{name}` @param {string} [otherwise] for a missing key @returns {string} */
export function t(key, values = {}, otherwise) {
  const text = strings[key] ?? otherwise ?? key.replace(/^(set|choice|state|consent)_/, '');
  return text.replace(/\{(\w+)\}/g, (_, name) => String(values[name] ?? '–'));
}

/** @returns {[string, string][]} codes and names */
export function languages() {
  return Object.entries(LANGUAGES);
}

export function currentLanguage() {
  return language;
}

/** A number as the chosen language writes it. @param {number} value @param {number} least digits after the comma @param {number} [most] */
export function decimal(value, least, most = least) {
  return value.toLocaleString(language, { minimumFractionDigits: least, maximumFractionDigits: most, useGrouping: false });
}

/** @param {string} code */
export async function chooseLanguage(code) {
  const wasComplete = hasLater();
  [strings, language] = [await load(code), code];
  if (wasComplete) await loadLater();
  remember('language', code);
  translatePage();
}

/** Fills in all elements that name a key in data-t, data-t-label or data-t-title. */
export function translatePage() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-t]')) element.textContent = t(element.getAttribute('data-t') ?? '');
  for (const element of document.querySelectorAll('[data-t-title]')) /** @type {HTMLElement} */ (element).title = t(element.getAttribute('data-t-title') ?? '');
  for (const element of document.querySelectorAll('[data-t-label]')) {
    const words = t(element.getAttribute('data-t-label') ?? '');
    element.setAttribute('aria-label', words);
    if (element instanceof HTMLButtonElement) element.title = words;
    if (element instanceof HTMLInputElement && !element.placeholder) element.placeholder = words;
  }
}
