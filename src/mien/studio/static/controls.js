/** A control for every row of the table of settings: a slider, a choice, a switch or a number. */
import { attempt, call } from './api.js';
import { byId, make } from './dom.js';
import { t } from './strings.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Row} Row */

const MAIN = ['opacity', 'sharpness', 'mouth', 'eyes', 'on_lost', 'badge_corner', 'engine', 'resolution'];
const SEND_AFTER_MS = 60;

export class Controls {
  constructor() {
    /** @type {Map<string, { row: Row, set: (value: any) => void }>} */
    this.made = new Map();
    /** @type {Record<string, any>} */
    this.pending = {};
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.sending = undefined;
  }

  /** @param {State} state */
  show(state) {
    if (this.made.size !== state.table.length) this.build(state);
    for (const [name, control] of this.made) if (!(name in this.pending)) control.set(state.settings[name]);
  }

  /** Makes all controls anew, as after a change of the language. @param {State} state */
  build(state) {
    this.made.clear();
    const rows = new Map(state.table.map((row) => [row.name, row]));
    const main = MAIN.flatMap((name) => rows.get(name) ?? []);
    const more = state.table.filter((row) => !MAIN.includes(row.name));
    byId('main-settings').replaceChildren(...main.map((row) => this.control(row)));
    byId('more-settings').replaceChildren(...more.map((row) => this.control(row)));
    for (const [name, control] of this.made) control.set(state.settings[name]);
  }

  /** @param {Row} row */
  control(row) {
    const id = `setting-${row.name}`;
    const label = make('span', { title: row.help }, t(`set_${row.name}`));
    if (row.kind === 'float' && row.low !== null && row.high !== null) return this.slider(row, id, label);
    const change = (/** @type {any} */ value) => this.change(row.name, value);
    if (row.choices.length) {
      const options = row.choices.map((choice) => make('option', { value: choice }, t(`choice_${choice}`)));
      const select = make('select', { id, on: { change: () => change(select.value) } }, ...options);
      this.made.set(row.name, { row, set: (value) => (select.value = value) });
      return make('label', { className: 'row', title: row.help }, label, select);
    }
    if (row.kind === 'bool') {
      const box = make('input', { id, type: 'checkbox', on: { change: () => change(box.checked) } });
      this.made.set(row.name, { row, set: (value) => (box.checked = value) });
      return make('label', { className: 'row', title: row.help }, label, box);
    }
    const number = make('input', { id, type: 'number', min: String(row.low ?? ''), max: String(row.high ?? ''), on: { change: () => change(Number(number.value)) } });
    this.made.set(row.name, { row, set: (value) => (number.value = String(value)) });
    return make('label', { className: 'row', title: row.help }, label, number);
  }

  /** @param {Row} row @param {string} id @param {HTMLElement} label */
  slider(row, id, label) {
    const output = make('output', {});
    const show = (/** @type {number} */ value) => (output.textContent = row.high === 1 ? `${Math.round(100 * value)} %` : String(value));
    const range = make('input', {
      id, type: 'range', min: String(row.low), max: String(row.high), step: row.high === 1 ? '0.01' : '0.005',
      on: { input: () => { show(Number(range.value)); this.change(row.name, Number(range.value)); } },
    });
    this.made.set(row.name, { row, set: (value) => { if (document.activeElement !== range || !(row.name in this.pending)) range.value = String(value); show(Number(range.value)); } });
    return make('label', { className: 'row', title: row.help }, label, make('span', { className: 'slider' }, range, output));
  }

  /** Gathers what a moving slider says and sends it a few times a second. @param {string} name @param {any} value */
  change(name, value) {
    this.pending[name] = value;
    this.sending ??= setTimeout(async () => {
      const values = this.pending;
      this.pending = {};
      this.sending = undefined;
      await attempt(() => call('PATCH', '/api/settings', values));
    }, SEND_AFTER_MS);
  }
}
