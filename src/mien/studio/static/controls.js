/** A control for every row of the table of settings: a slider, a choice, a switch or a number. */
import { attempt, call } from './api.js';
import { byId, make, say } from './dom.js';
import { decimal, t } from './strings.js';
import { lineOf, noteOf } from './troubles.js';
/** @typedef {import('./types').State} State @typedef {import('./types').Row} Row */

const MAIN = ['opacity', 'shape', 'sharpness'];
const OWN_PARTS = ['keep_eyes', 'keep_mouth', 'keep_brows'];
/** Rows that only do something with a model for this row. @type {Record<string, string>} */
const NEEDS = { boost: 'engine', morph: 'engine', engine: 'engine', segmenter: 'segmenter', enhancer: 'enhancer', enhance_blend: 'enhancer', enhance_every: 'enhancer', fidelity: 'enhancer', detector: 'detector' };
const SEND_AFTER_MS = 60;

/** A key of the controls that exist: models may be installed while the page is open. @param {State} state */
const shapeOf = (state) => JSON.stringify(state.table.map((row) => [row.name, row.choices]));

export class Controls {
  constructor() {
    /** @type {Map<string, { element: HTMLElement, set: (value: any) => void }>} */
    this.made = new Map();
    /** @type {Map<string, HTMLElement>} */
    this.resets = new Map();
    /** @type {Record<string, any>} */
    this.pending = {};
    /** @type {Record<string, any>} being sent to the server */
    this.sent = {};
    this.isSending = false;
    byId('reset-all').addEventListener('click', () => {
      for (const row of this.state?.table ?? []) if (this.state?.settings[row.name] !== row.default) this.change(row.name, row.default);
    });
  }

  /** @param {State} state */
  show(state) {
    this.state = state;
    if (this.shape !== shapeOf(state)) this.build(state);
    const { models, trouble } = state;
    const names = models.wanted.map(([, value]) => value).filter((value) => typeof value === 'string' && !['none', 'auto'].includes(value));
    byId('models-state').classList.toggle('bad', models.state === 'failed' || trouble !== null);
    say('models-state', models.state === 'opening' ? t('models_opening', { names: names[0] ?? '' }) : [lineOf(models), trouble && lineOf(trouble)].filter(Boolean).join(' – '));
    say('models-notes', models.notes.map(noteOf).join('. '));
    for (const [name, control] of this.made) {
      const isTyped = control.element === document.activeElement && control.element.matches('[type="number"], [type="text"]');
      if (!(name in this.pending) && !(name in this.sent) && !isTyped) control.set(state.settings[name]);
      this.showReset(name, state.settings[name]);
    }
  }

  /** Rebuilds all controls, as after a change of the language. @param {State} state */
  build(state) {
    this.made.clear();
    this.resets.clear();
    this.shape = shapeOf(state);
    const rows = new Map(state.table.map((row) => [row.name, row]));
    const main = MAIN.flatMap((name) => rows.get(name) ?? []);
    const hasModels = state.table.some((row) => Object.values(NEEDS).includes(row.name) && row.choices.length > 1);
    const isUseful = (/** @type {Row} */ row) => {
      const need = NEEDS[row.name];
      return need ? (rows.get(need)?.choices.length ?? 0) > 1 : hasModels || row.group !== 'models';
    };
    const more = state.table.filter((row) => !MAIN.includes(row.name) && !OWN_PARTS.includes(row.name) && isUseful(row));
    byId('own-parts').replaceChildren(make('span', {}, t('keep_mine')), ...OWN_PARTS.flatMap((name) => rows.get(name) ?? []).map((row) => this.chip(row)));
    byId('main-settings').replaceChildren(...main.map((row) => this.control(row)));
    const groups = [...new Set(more.map((row) => row.group))];
    byId('more-settings').replaceChildren(...groups.flatMap((group) => [make('h3', {}, t(`group_${group}`)), ...more.filter((row) => row.group === group).map((row) => this.control(row))]));
    for (const [name, control] of this.made) control.set(state.settings[name]);
  }

  /** A part of the own face that is kept, as a button that is pressed or not. @param {Row} row */
  chip(row) {
    const button = make('button', { type: 'button', id: `setting-${row.name}`, title: t(`help_${row.name}`, {}, row.help), 'aria-pressed': 'false', on: { click: () => this.change(row.name, button.getAttribute('aria-pressed') !== 'true') } }, t(`chip_${row.name}`));
    this.made.set(row.name, { element: button, set: (value) => button.setAttribute('aria-pressed', String(value)) });
    return button;
  }

  /** A control with its label, and a button that takes its change back. @param {Row} row */
  control(row) {
    const label = this.labelled(row);
    const name = t(`set_${row.name}`);
    const reset = make('button', { type: 'button', className: 'reset', title: t('reset'), 'aria-label': `${t('reset')}: ${name}`, 'data-same': '', on: { click: () => this.change(row.name, row.default) } }, '↺');
    this.resets.set(row.name, reset);
    label.append(reset);
    return label;
  }

  /** @param {string} name @param {any} value */
  showReset(name, value) {
    const row = this.state?.table.find((each) => each.name === name);
    this.resets.get(name)?.toggleAttribute('data-same', row?.default === value);
  }

  /** @param {Row} row */
  labelled(row) {
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
    this.made.get(name)?.set(value);
    this.showReset(name, value);
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
