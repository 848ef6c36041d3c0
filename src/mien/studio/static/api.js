/** Requests to the server and their errors. */
import { byId, make, sentence } from './dom.js';
import { t } from './strings.js';
import { prepare, wordsOf } from './troubles.js';

/** An answer that reports an error; `answer` is its JSON. */
export class ApiError extends Error {
  /** @param {number} status @param {Record<string, any>} answer */
  constructor(status, answer) {
    const words = answer.key ? wordsOf(answer) : { what: answer.error ?? t('no_connection'), remedy: String(answer.remedy ?? '') };
    super(words.what);
    this.status = status;
    this.answer = answer;
    this.remedy = words.remedy;
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {FormData | object} [body] a form is sent as it is, anything else as JSON
 * @returns {Promise<any>} the JSON of the answer; raises an ApiError
 */
export async function call(method, path, body) {
  const isForm = body instanceof FormData;
  let answer;
  try {
    answer = await fetch(path, {
      method,
      headers: body && !isForm ? { 'Content-Type': 'application/json' } : {},
      body: isForm ? body : body && JSON.stringify(body),
    });
  } catch {
    throw new ApiError(0, { error: t('no_connection'), remedy: t('no_connection_remedy') });
  }
  const text = await answer.text();
  /** @type {Record<string, any>} */
  let value = {};
  try {
    value = text ? JSON.parse(text) : {};
  } catch {
    value = { error: t('odd_answer') };
  }
  if (answer.status === 401) value = { error: t('session_over'), remedy: t('session_over_remedy') };
  if (!answer.ok && value.key) await prepare();
  if (!answer.ok) throw new ApiError(answer.status, value);
  return value;
}

/** Puts a message in front of everything, an open dialog too. @param {HTMLElement} said @param {number} [milliseconds] for which it stays */
function append(said, milliseconds) {
  const toast = byId('toast');
  toast.append(said);
  toast.hidePopover();
  toast.showPopover();
  if (milliseconds) setTimeout(() => said.remove(), milliseconds);
}

/** Shows an error for a while. @param {unknown} error */
export function complain(error) {
  const remedy = error instanceof ApiError ? error.remedy : '';
  const said = make('div', {}, make('b', {}, sentence(error instanceof Error ? error.message : String(error))), make('span', {}, sentence(remedy)));
  for (const before of byId('toast').children) if (before.textContent === said.textContent) before.remove();
  append(said, 9000);
}

/** Tells what was done, with a button that takes it back for a while. @param {string} words @param {string} label @param {() => void} undo @param {number} milliseconds */
export function offerUndo(words, label, undo, milliseconds) {
  const button = make('button', { type: 'button', on: { click: () => { said.remove(); undo(); } } }, label);
  const said = make('div', { className: 'good' }, make('b', {}, words), button);
  append(said, milliseconds);
}

/** Says something that stays until it is answered or dismissed. @param {string} words @param {string} act words of a button @param {() => void} work */
export function tell(words, act, work) {
  const button = make('button', { type: 'button', on: { click: () => { said.remove(); work(); } } }, act);
  const dismiss = make('button', { type: 'button', className: 'quiet', 'aria-label': t('close'), on: { click: () => said.remove() } }, '✕');
  const said = make('div', { className: 'told' }, make('p', {}, words), make('div', { className: 'inline' }, button, dismiss));
  append(said);
}

/** Does the work and shows its error, if it fails. @template T @param {() => Promise<T>} work @returns {Promise<T | undefined>} */
export async function attempt(work) {
  try {
    return await work();
  } catch (error) {
    complain(error);
    return undefined;
  }
}
