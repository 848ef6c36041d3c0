/** A control for every row of the table of settings: a slider, a choice, a switch or a number. */
import { attempt, call } from './api.js';
import { byId, make, say } from './dom.js';
import { decimal, t } from './strings.js';
import { lineOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Row} Row */

const MAIN = ['opacity', 'shape', 'sharpness', 'mouth', 'eyes', 'beard', 'glasses', 'source_glasses', 'parser', 'occlusion', 'on_lost', 'badge_corner', 'engine', 'resolution'];
const SEND_AFTER_MS = 60;

/** A key of the controls that exist: models may be installed while the page is open. @param {State} state */
const shapeOf = (state) => JSON.stringify(state.table.map((row) => [row.name, row.choices]));

export class Controls {
  constructor() {
    /** @type {Map<string, { element: HTMLElement, set: (value: any) => void }>} */
    this.made = new Map();
    /** @type {Record<string, any>} */
    this.pending = {};
    /** @type {Record<string, any>} being sent to the server */
    this.sent = {};
    this.isSending = false;
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    if (this.shape !== shapeOf(state)) this.build(state);
    const { models, trouble } = state;
    const names = models.wanted.map(([, value]) => value).filter((value) => typeof value === 'string' && !['none', 'auto'].includes(value));
    byId('models-state').classList.toggle('bad', models.state === 'failed' || trouble !== null);
    say('models-state', models.state === 'opening' ? t('models_opening', { names: names[0] ?? '' }) : [lineOf(models), trouble && lineOf(trouble)].filter(Boolean).join(' – '));
    say('models-notes', models.notes.join('. '));
    for (const [name, control] of this.made) {
      const isTyped = control.element === document.activeElement && control.element.matches('[type="number"], [type="text"]');
      if (!(name in this.pending) && !(name in this.sent) && !isTyped) control.set(state.settings[name]);
    }
  }

  /** Rebuilds all controls, as after a change of the language. @param {State} state */
  build(state) {
    this.made.clear();
    this.shape = shapeOf(state);
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
    const label = make('span', {}, t(`set_${row.name}`));
    const title = t(`help_${row.name}`, {}, row.help);
    if (row.kind === 'float' && row.low !== null && row.high !== null) return this.slider(row, id, label, title);
    const change = (/** @type {any} */ value) => this.change(row.name, value);
    if (row.choices.length) {
      const options = row.choices.map((choice) => make('option', { value: choice }, t(`choice_${row.name}_${choice}`, {}, t(`choice_${choice}`))));
      const select = make('select', { id, on: { change: () => change(select.value) } }, ...options);
      this.made.set(row.name, { element: select, set: (value) => (select.value = value) });
      return make('label', { className: 'row', title }, label, select);
    }
    if (row.kind === 'bool') {
      const box = make('input', { id, type: 'checkbox', on: { change: () => change(box.checked) } });
      this.made.set(row.name, { element: box, set: (value) => (box.checked = value) });
      return make('label', { className: 'row', title }, label, box);
    }
    if (row.kind === 'str') {
      const text = make('input', { id, type: 'text', on: { change: () => change(text.value) } });
      this.made.set(row.name, { element: text, set: (value) => (text.value = value) });
      return make('label', { className: 'row', title }, label, text);
    }
    const step = row.kind === 'int' ? '1' : 'any';
    const number = make('input', { id, type: 'number', step, min: String(row.low ?? ''), max: String(row.high ?? ''), on: { change: () => change(number.value && Number(number.value)) } });
    this.made.set(row.name, { element: number, set: (value) => (number.value = String(value)) });
    return make('label', { className: 'row', title }, label, number);
  }

  /** @param {Row} row @param {string} id @param {HTMLElement} label @param {string} title */
  slider(row, id, label, title) {
    const output = make('output', {});
    const show = (/** @type {number} */ value) => (output.textContent = row.high === 1 ? `${Math.round(100 * value)} %` : decimal(value, 0, 3));
    const range = make('input', {
      id, type: 'range', min: String(row.low), max: String(row.high), step: row.high === 1 ? '0.01' : '0.005',
      on: { input: () => { show(Number(range.value)); this.change(row.name, Number(range.value)); } },
    });
    this.made.set(row.name, { element: range, set: (value) => { range.value = String(value); show(Number(value)); } });
    return make('label', { className: 'row', title }, label, make('span', { className: 'slider' }, range, output));
  }

  /** @param {string} name @param {any} value */
  change(name, value) {
    this.pending[name] = value;
    if (!this.isSending) void this.send();
  }

  /** Gathers changes of a moving slider and sends them a few times a second, one request after another: the last one counts. */
  async send() {
    this.isSending = true;
    while (Object.keys(this.pending).length) {
      await new Promise((done) => setTimeout(done, SEND_AFTER_MS));
      const values = this.pending;
      [this.sent, this.pending] = [values, {}];
      const answer = await attempt(() => call('PATCH', '/api/settings', values));
      this.sent = {};
      if (answer && this.state) this.state.settings = answer.settings;
      if (!answer) for (const name of Object.keys(values)) if (!(name in this.pending)) this.made.get(name)?.set(this.state?.settings[name]);
    }
    this.isSending = false;
  }
}
