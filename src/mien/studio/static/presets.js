/** Presets: settings stored under a name, and the face, input and outputs with them if wanted. */
import { ApiError, attempt, call, complain } from './api.js';
import { byId, make, reconcile } from './dom.js';
import { loadLater, t } from './strings.js';
/** @typedef {import('./types').State} State */

await loadLater();

const PARTS = ['face', 'input', 'outputs'];

export class Presets {
  constructor() {
    this.question = make('div', { className: 'inline wrap', role: 'status', hidden: true });
    this.parts = make('fieldset', { className: 'inline wrap parts' });
    byId('preset-form').after(this.parts, this.question);
    byId('preset-form').addEventListener('submit', (event) => {
      event.preventDefault();
      void attempt(() => this.keep(byId('preset-name', HTMLInputElement).value.trim(), false));
    });
    const chosen = byId('preset-import', HTMLInputElement);
    chosen.addEventListener('change', () => void this.import(chosen));
  }

  /** Stores a preset; one of the same name is only replaced after a question. @param {string} name @param {boolean} replace */
  async keep(name, replace) {
    this.question.hidden = true;
    const parts = PARTS.filter((part) => /** @type {HTMLInputElement | null} */ (this.parts.querySelector(`[value=${part}]`))?.checked);
    try {
      await call('PUT', '/api/presets', { name, parts, replace });
      byId('preset-name', HTMLInputElement).value = '';
    } catch (error) {
      if (!(error instanceof ApiError) || error.answer.code !== 'preset-exists') throw error;
      const yes = make('button', { type: 'button', on: { click: () => void attempt(() => this.keep(name, true)) } }, t('preset_replace'));
      const no = make('button', { type: 'button', className: 'quiet', on: { click: () => (this.question.hidden = true) } }, t('cancel'));
      this.question.replaceChildren(make('span', {}, t('preset_exists', { name })), yes, no);
      this.question.hidden = false;
      yes.focus();
    }
  }

  /** @param {HTMLInputElement} input */
  async import(input) {
    const [file] = input.files ?? [];
    input.value = '';
    if (!file) return;
    try {
      const given = read(await file.text());
      const { left_out: leftOut } = await call('POST', '/api/presets.json', given);
      if (leftOut.length) complain(new Error(t('preset_newer', { names: leftOut.join(', ') })));
    } catch (error) {
      complain(error);
    }
  }

  /** @param {string} name */
  async apply(name) {
    const { left_out: leftOut } = await call('POST', '/api/presets/apply', { name });
    if (leftOut.length) complain(new Error(t('preset_left_out', { names: leftOut.map((/** @type {string} */ each) => t(`part_${each}`, {}, each)).join(', ') })));
  }

  /** @param {State} state */
  show(state) {
    if (!this.parts.children.length || this.parts.dataset.words !== t('preset_with')) this.offer();
    reconcile(byId('preset-list'), Object.keys(state.presets), (name) => name, (name) => {
      const remove = () => void attempt(() => call('DELETE', `/api/presets?name=${encodeURIComponent(name)}`));
      return make('li', {}, make('div', { className: 'top' }, make('b', {}, name),
        make('button', { type: 'button', on: { click: () => void attempt(() => this.apply(name)) } }, t('apply')),
        make('button', { type: 'button', 'aria-label': `${t('remove')}: ${name}`, on: { click: remove } }, '✕')));
    }, () => undefined);
  }

  /** Fills in what a preset may hold beside the settings. */
  offer() {
    this.parts.dataset.words = t('preset_with');
    this.parts.replaceChildren(make('legend', {}, t('preset_with')), ...PARTS.map((part) => make('label', {}, make('input', { type: 'checkbox', value: part }), ` ${t(`part_${part}`)}`)));
  }
}

/** The JSON of a file. @param {string} text @returns {object} raises an Error in words of the page */
function read(text) {
  try {
    const found = JSON.parse(text);
    if (found && typeof found === 'object' && !Array.isArray(found)) return found;
  } catch {
    // Said below, in words of the page.
  }
  throw new Error(t('preset_unreadable'));
}
