/** Presets: settings stored under a name. */
import { attempt, call, complain } from './api.js';
import { byId, make, reconcile } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State */

export class Presets {
  constructor() {
    byId('preset-form').addEventListener('submit', (event) => {
      event.preventDefault();
      const field = byId('preset-name', HTMLInputElement);
      void attempt(async () => {
        await call('PUT', `/api/presets/${encodeURIComponent(field.value.trim())}`);
        field.value = '';
      });
    });
    const chosen = byId('preset-import', HTMLInputElement);
    chosen.addEventListener('change', () => void this.import(chosen));
  }

  /** @param {HTMLInputElement} input */
  async import(input) {
    const [file] = input.files ?? [];
    input.value = '';
    if (!file) return;
    try {
      await call('POST', '/api/presets.json', JSON.parse(await file.text()));
    } catch (error) {
      complain(error);
    }
  }

  /** @param {State} state */
  show(state) {
    reconcile(byId('preset-list'), Object.keys(state.presets), (name) => name, (name) => {
      const path = `/api/presets/${encodeURIComponent(name)}`;
      return make('li', {}, make('div', { className: 'top' }, make('b', {}, name),
        make('button', { type: 'button', on: { click: () => void attempt(() => call('POST', `${path}/apply`)) } }, t('apply')),
        make('button', { type: 'button', 'aria-label': `${t('remove')}: ${name}`, on: { click: () => void attempt(() => call('DELETE', path)) } }, '✕')));
    }, () => undefined);
  }
}
