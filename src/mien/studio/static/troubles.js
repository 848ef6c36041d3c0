/** What went wrong, in the language of the page: by the key that the server names, because its own words are English. */
import { currentLanguage, hasLater, loadLater, t } from './strings.js';

const SERVER_LANGUAGE = 'en';
let isLoading = false;

/** Loads the words of errors; `words` happens to the document when they are there. */
async function load() {
  if (isLoading) return;
  isLoading = true;
  try {
    await loadLater();
    document.dispatchEvent(new Event('words'));
  } catch {
    // A server that has gone: its own words stay.
  } finally {
    isLoading = false;
  }
}

/** Has the words of errors there before one is told. */
export async function prepare() {
  if (currentLanguage() !== SERVER_LANGUAGE && !hasLater()) await load();
}

/**
 * What happened and what to do. The server's words in English; else `trouble_KEY` of the strings, two lines, for the most exact
 * key that has words.
 * @param {{ error?: string, message?: string, remedy?: string, code?: string, key?: string, values?: Record<string, any> }} trouble
 * @returns {{ what: string, remedy: string }}
 */
export function wordsOf(trouble) {
  const said = { what: trouble.error ?? trouble.message ?? '', remedy: trouble.remedy ?? '' };
  if (!said.what || currentLanguage() === SERVER_LANGUAGE) return said;
  if (!hasLater()) void load();
  for (const key of [trouble.key, trouble.code, 'mien-error']) {
    const [what, remedy = ''] = key ? t(`trouble_${key}`, trouble.values, '').split('\n') : [''];
    if (what) return { what, remedy };
  }
  return said;
}

/** The same in one line; empty when nothing went wrong. @param {Parameters<typeof wordsOf>[0]} trouble */
export function lineOf(trouble) {
  const { what, remedy } = wordsOf(trouble);
  return [what, remedy].filter(Boolean).join(' – ');
}

/** A note of the server, in the language of the page. @param {import('./types').Told} note */
export function noteOf({ text, key, values }) {
  if (!key || currentLanguage() === SERVER_LANGUAGE) return text;
  if (!hasLater()) void load();
  return t(`note_${key}`, values, text);
}
